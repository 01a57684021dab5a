//! The stylesheet, the scripts and the pictures, embedded and named by their content.
//!
//! A name that carries the digest of the bytes may be kept for ever
//! ([RFC 8246](https://www.rfc-editor.org/rfc/rfc8246)), and `integrity` holds the browser to them
//! ([Subresource Integrity](https://www.w3.org/TR/SRI/)). Nothing is ever loaded from another origin.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Where assets live; route `/assets/{file}` to [`serve`].
pub const ROUTE: &str = "/assets/{file}";

/// The stylesheet of every page.
pub static CSS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "app",
        "css",
        "text/css; charset=utf-8",
        include_str!("assets/app.css"),
    )
});
/// The module that enhances pages.
pub static JS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "app",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("assets/app.js"),
    )
});
/// What the token inspector does in the browser; on that page only.
pub static TOKEN_JS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "token",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("assets/token.js"),
    )
});
/// The line that says scripts run, before the first paint.
pub static BOOT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "boot",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("assets/boot.js"),
    )
});
/// The icon sprite.
pub static ICONS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icons", "svg", "image/svg+xml", include_str!("assets/icons.svg")));
/// The icon in the browser's tab.
pub static FAVICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "favicon",
        "svg",
        "image/svg+xml",
        include_str!("assets/favicon.svg"),
    )
});

/// Every asset there is.
pub fn all() -> [&'static Asset; 6] {
    [&CSS, &JS, &TOKEN_JS, &BOOT, &ICONS, &FAVICON]
}

/// A file that is part of the program.
#[derive(Debug)]
pub struct Asset {
    url: String,
    integrity: String,
    content_type: &'static str,
    body: String,
}

/// A script or sheet without what only its readers need: indentation, empty lines, and lines that are comments. Ours hold
/// no text of several lines that this could change.
fn lean(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| {
        let comment = line.starts_with("//") || line.starts_with("/*") && line.ends_with("*/");
        !line.is_empty() && !comment
    });
    lines.fold(String::with_capacity(source.len()), |text, line| {
        text + line + "\n"
    })
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, source: &str) -> Self {
        let body = match extension {
            "js" => tight(&lean(source)),
            _ => lean(source),
        };
        let mut name = String::new();
        for byte in &digest(&SHA256, body.as_bytes()).as_ref()[..6] {
            name.push_str(&format!("{byte:02x}"));
        }
        Self {
            url: format!("/assets/{stem}.{name}.{extension}"),
            integrity: format!("sha384-{}", STANDARD.encode(digest(&SHA384, body.as_bytes()))),
            content_type,
            body,
        }
    }

    /// Its address, which changes whenever its content does.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of the `integrity` attribute.
    pub fn integrity(&self) -> &str {
        &self.integrity
    }

    /// What it says.
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// Whether a space beside this character means nothing in a script.
const fn parts(ch: char) -> bool {
    matches!(
        ch,
        '=' | '>' | '<' | '{' | '}' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '?' | '&' | '|'
    )
}

/// A script without the spaces and line breaks that only people need. Texts in quotes stay as they are; no text, and no
/// pattern with a quote in it, goes over several lines.
fn tight(script: &str) -> String {
    let mut tight = String::with_capacity(script.len());
    let mut quote = None;
    let mut chars = script.chars().peekable();
    while let Some(ch) = chars.next() {
        let (before, after) = (tight.chars().next_back().unwrap_or(';'), chars.peek().copied());
        let idle = match ch {
            _ if quote.is_some() => false,
            ' ' => parts(before) || after.is_some_and(parts),
            '\n' => {
                before != ')' && before != ']' && parts(before)
                    || after.is_some_and(|ch| "?:.)}]&|".contains(ch))
            }
            _ => false,
        };
        if idle {
            continue;
        }
        match quote {
            None if matches!(ch, '\'' | '"' | '`') => quote = Some(ch),
            Some(open) if open == ch && before != '\\' => quote = None,
            _ => {}
        }
        tight.push(ch);
    }
    tight
}

/// Answers `/assets/{file}`; a name of another build is a 404, never another content.
pub async fn serve(Path(file): Path<String>) -> Response {
    let found = all()
        .into_iter()
        .find(|asset| asset.url.strip_prefix("/assets/") == Some(file.as_str()));
    let Some(asset) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.body.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t74_budgets() {
        assert!(
            CSS.body().len() <= 24 * 1024,
            "app.css has {} bytes",
            CSS.body().len()
        );
        assert!(
            JS.body().len() <= 16 * 1024,
            "app.js has {} bytes",
            JS.body().len()
        );
        assert!(
            TOKEN_JS.body().len() <= 3 * 1024,
            "token.js has {} bytes",
            TOKEN_JS.body().len()
        );
        assert_eq!(BOOT.body().lines().count(), 1);
    }

    #[test]
    fn only_what_browsers_need_is_served() {
        let source = "/* why */\n.a{\n\tcolor:red;\n}\n\n// why\nconst a = 1; // 2\n";
        assert_eq!(lean(source), ".a{\ncolor:red;\n}\nconst a = 1; // 2\n");
        let text_over_lines = |source: &str| source.lines().any(|line| line.matches('`').count() % 2 == 1);
        assert!(!text_over_lines(include_str!("assets/app.js")));
        assert!(!text_over_lines(include_str!("assets/token.js")));
    }

    #[test]
    fn what_only_people_need_is_left_out() {
        let script = "// Says.\nfunction f(a, b) {\n\tconst c = a ? 'x = y' : `${a} ; b`;\n\treturn c || b - -1;\n}\nlet d = f(1, 2)\n\t?? '';\n";
        assert_eq!(
            tight(&lean(script)),
            "function f(a,b){const c=a?'x = y':`${a} ; b`;return c||b - -1;}let d=f(1,2)??'';"
        );
    }

    #[test]
    fn names_follow_the_content() {
        let one = Asset::new("a", "css", "text/css", "a{}");
        assert_eq!(one.url, Asset::new("a", "css", "text/css", "a{}").url);
        assert_ne!(one.url, Asset::new("a", "css", "text/css", "b{}").url);
        assert_eq!(one.url.len(), "/assets/a.0123456789ab.css".len());
        assert!(one.integrity.starts_with("sha384-"));
    }

    #[tokio::test]
    async fn served_immutable_or_not_at_all() {
        let name = CSS.url.trim_start_matches("/assets/").to_owned();
        let found = serve(Path(name)).await;
        assert_eq!(found.status(), StatusCode::OK);
        assert_eq!(
            found.headers()[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(
            serve(Path("app.000000000000.css".to_owned())).await.status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            serve(Path("../Cargo.toml".to_owned())).await.status(),
            StatusCode::NOT_FOUND
        );
    }
}
