//! A letter's text as a page of HTML: paragraphs, lines, and the site's link to click on.

use crate::booking::Language;

/// What programs for mail keep of a style stands at each element.
const BODY: &str = "margin:0;padding:16px;max-width:42em;color:#1b2430;background:#fff;\
    font:16px/1.55 'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const PARAGRAPH: &str = "margin:0 0 1em";
const LINK: &str = "color:#0b57a4;font-weight:600;overflow-wrap:anywhere";

/// A page that says what a text says. Nothing in the text is HTML.
pub(super) fn page(language: Language, subject: &str, text: &str, url: &str) -> String {
    let language = match language {
        Language::Vi => "vi",
        Language::En => "en",
    };
    let link = escape(url);
    let anchor = format!("<a href=\"{link}\" style=\"{LINK}\">{link}</a>");
    let is_link = url.starts_with("https://") || url.starts_with("http://");
    let paragraph = |text: &str| {
        let mut text = escape(text.trim_end());
        if is_link {
            text = text.replace(&link, &anchor);
        }
        let lines = text.replace('\n', "<br>\r\n");
        format!("<p style=\"{PARAGRAPH}\">{lines}</p>\r\n")
    };
    let paragraphs: String = text.split("\n\n").map(paragraph).collect();
    let title = escape(subject);
    format!(
        "<!doctype html>\r\n<html lang=\"{language}\">\r\n<head><meta charset=\"utf-8\">\
         <title>{title}</title></head>\r\n<body style=\"{BODY}\">\r\n{paragraphs}</body>\r\n</html>\r\n"
    )
}

/// A text that HTML shows as it is, between tags and in attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
