//! Commands for several tools, one tool shown at a time. CSS switches, so it works without JavaScript.

use leptos::prelude::*;

use super::copy_button::CopyButton;
use super::icon::Icon;
use crate::web::commands::{CommandTab, Step};

/// Shows a tab for each tool.
#[component]
pub fn CommandTabs(
    /// Tells the tabs of one page apart.
    #[prop(into)]
    name: String,
    legend: &'static str,
    tabs: Vec<CommandTab>,
) -> impl IntoView {
    let choices = tabs.iter().enumerate().map(|(at, tab)| {
        let tool = tab.tool;
        view! {
            <label class="command-tab">
                <input
                    type="radio"
                    class="visually-hidden"
                    name=name.clone()
                    value=tool
                    checked=at == 0
                    autocomplete="off"
                />
                <span>{tool}</span>
            </label>
        }
    });
    let choices = choices.collect_view();
    let panels = tabs.into_iter().map(|tab| {
        let steps = tab
            .steps
            .into_iter()
            .map(|step| view! { <StepView step /> });
        view! {
            <div class="command-panel" data-tab=tab.tool>
                {steps.collect_view()}
            </div>
        }
    });
    view! {
        <div class="command-tabs">
            <fieldset class="command-tabs-choice">
                <legend class="visually-hidden">{legend}</legend>
                {choices}
            </fieldset>
            {panels.collect_view()}
        </div>
    }
}

#[component]
fn StepView(step: Step) -> impl IntoView {
    match step {
        Step::Command(text) => view! {
            <div class="command">
                <pre tabindex="0">
                    <code>{text.clone()}</code>
                </pre>
                <CopyButton text what="command" />
            </div>
        }
        .into_any(),
        Step::Link { href, text } => view! {
            <a class="button" href=href>
                <Icon name="upload" />
                {text}
            </a>
        }
        .into_any(),
    }
}
