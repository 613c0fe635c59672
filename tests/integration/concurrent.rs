//! Changes of one thing at the same moment: none undoes another.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::TestApp;

const ROUNDS: usize = 25;
const PATH: &str = "/api/v1/repositories/alice/app";

async fn change(app: &TestApp, change: Value) -> StatusCode {
    let request = app.by("alice", Method::PATCH, PATH).json(&change);
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_saved_undoes_neither_visibility_nor_another_text() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    let readme = "text ".repeat(20_000);
    for round in 0..ROUNDS {
        let public = json!({"visibility": "public", "readme": "", "description": ""});
        assert_eq!(change(&app, public).await, StatusCode::OK);
        let description = format!("round {round}");
        let (a, b, c, d) = futures::join!(
            change(&app, json!({"readme": readme})),
            change(&app, json!({"visibility": "private"})),
            change(&app, json!({"description": description})),
            change(&app, json!({"readme": readme})),
        );
        assert_eq!([a, b, c, d], [StatusCode::OK; 4]);
        let shown = app.ask("alice", Method::GET, PATH).await;
        let shown: Value = shown.json().await.unwrap();
        assert_eq!(shown["visibility"], "private", "round {round}");
        assert_eq!(shown["description"], description, "round {round}");
        assert_eq!(shown["readme"], readme, "round {round}");
        let hidden = app.anonymous(Method::GET, PATH).send().await.unwrap();
        assert_eq!(hidden.status(), StatusCode::UNAUTHORIZED);
    }
}
