//! Pulls a day, as a row of bars.

use leptos::prelude::*;

use super::byte_size::grouped;
use crate::web::dto::DayPulls;

/// Height of the chart, in the units of its drawing.
const HEIGHT: u64 = 40;
/// Width of a day, of which the last unit is the gap.
const DAY: usize = 8;

/// Draws the pulls of each day, the last of them today.
#[component]
pub fn PullChart(days: Vec<DayPulls>) -> impl IntoView {
    let total: u64 = days.iter().map(|day| day.pulls).sum();
    let label = describe(&days, total);
    let most = days.iter().map(|day| day.pulls).max().unwrap_or_default();
    let width = days.len() * DAY;
    let bars = days.into_iter().enumerate().map(move |(at, day)| {
        let height = bar(day.pulls, most);
        view! {
            <rect
                x=(at * DAY).to_string()
                y=(HEIGHT - height).to_string()
                width=(DAY - 2).to_string()
                height=height.to_string()
                class:none=day.pulls == 0
            >
                <title>{format!("{}: {}", day.day, pulls(day.pulls))}</title>
            </rect>
        }
    });
    view! {
        <svg
            class="pull-chart"
            viewBox=format!("0 0 {width} {HEIGHT}")
            preserveAspectRatio="none"
            role="img"
            aria-label=label
        >
            {bars.collect_view()}
        </svg>
    }
}

/// Is the height of a bar: a line for none, and never less than can be seen.
fn bar(pulls: u64, most: u64) -> u64 {
    if pulls == 0 {
        return 1;
    }
    (pulls.saturating_mul(HEIGHT) / most.max(1)).clamp(3, HEIGHT)
}

fn describe(days: &[DayPulls], total: u64) -> String {
    let sum = format!("{} in the last {} days", pulls(total), days.len());
    match days.iter().max_by_key(|day| day.pulls) {
        Some(best) if best.pulls > 0 => {
            format!(
                "{sum}, most of them on {}: {}",
                best.day,
                grouped(best.pulls)
            )
        }
        _ => sum,
    }
}

/// Writes a number of pulls.
pub fn pulls(count: u64) -> String {
    match count {
        1 => "1 pull".to_owned(),
        count => format!("{} pulls", grouped(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_for_their_share_and_can_be_seen() {
        assert_eq!(bar(0, 0), 1);
        assert_eq!(bar(1, 1), HEIGHT);
        assert_eq!(bar(1, 10_000), 3);
        assert_eq!(bar(1000, 2000), HEIGHT / 2);
    }

    #[test]
    fn says_what_the_bars_show() {
        let day = |day: &str, pulls| DayPulls {
            day: day.to_owned(),
            pulls,
        };
        let days = [day("1 May 2026", 0), day("2 May 2026", 1)];
        let text = "1 pull in the last 2 days, most of them on 2 May 2026: 1";
        assert_eq!(describe(&days, 1), text);
        assert_eq!(describe(&days[..1], 0), "0 pulls in the last 1 days");
    }
}
