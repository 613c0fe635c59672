//! Personal tokens: for scripts, and for machines that should not have the password.

use anyhow::Result;
use serde_json::json;

use super::Session;
use super::repositories::now_ms;
use crate::answers::TokenInfo;
use crate::args::{NewToken, Token};
use crate::text;

pub async fn run(session: &Session, command: Token) -> Result<()> {
    match command {
        Token::Create(args) => create(session, args).await,
        Token::List => list(session).await,
        Token::Revoke { id } => revoke(session, &id).await,
    }
}

async fn create(session: &Session, args: NewToken) -> Result<()> {
    let (client, _) = session.signed_in().await?;
    let made = client
        .create_token(&args.name, &args.reach, args.days)
        .await?;
    let secret = made.token.expose().to_owned();
    let value = json!({ "id": made.id.to_string(), "name": args.name, "token": secret });
    let lines = [
        secret.clone(),
        "It is shown this once: keep it now.".to_owned(),
    ];
    session.output.print(&value, [secret], lines);
    Ok(())
}

async fn list(session: &Session) -> Result<()> {
    let (client, _) = session.signed_in().await?;
    let tokens = client.list_tokens().await?.tokens;
    let now = now_ms();
    let titles = ["ID", "NAME", "REACH", "MADE", "LAST USED", "ENDS"];
    let mut rows = vec![titles.map(str::to_owned)];
    rows.extend(tokens.iter().map(|token| row(token, now)));
    let ids = tokens.iter().map(|token| text::one_line(&token.id));
    session.output.print(&tokens, ids, text::table(&rows));
    Ok(())
}

async fn revoke(session: &Session, id: &str) -> Result<()> {
    let (client, _) = session.signed_in().await?;
    client.revoke_token(id).await?;
    let (value, line) = (json!({ "revoked": id }), format!("Revoked {id}"));
    session.output.print(&value, [id.to_owned()], [line]);
    Ok(())
}

fn row(token: &TokenInfo, now_ms: i64) -> [String; 6] {
    let this = if token.is_current { " (this one)" } else { "" };
    let ends = match token.expires_ms {
        None => "never".to_owned(),
        Some(then) if then <= now_ms => "ended".to_owned(),
        Some(then) => {
            let days = u64::try_from((then - now_ms) / 86_400_000).unwrap_or_default();
            format!("in {}", text::counted(days + 1, "day"))
        }
    };
    [
        text::one_line(&token.id),
        format!("{}{this}", text::shorten(&token.name, 40)),
        text::one_line(&token.reach),
        text::age(token.created_ms, now_ms),
        token
            .last_used_ms
            .map_or_else(|| "never".to_owned(), |then| text::age(then, now_ms)),
        ends,
    ]
}
