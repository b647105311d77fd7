//! `/letters`: the texts of letters to sites, which an office may write in place of ours.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::app::Inner;
use crate::auth::{Grant, Verb};
use crate::booking::Language;
use crate::letters::{self, Facts, LetterKind, LetterProblem, Placeholder, Template, Text};
use crate::listener::ClientAddress;
use crate::refusal::ErrorCode;
use crate::store::{EditedLetter, LetterChanged};
use crate::whole;

/// A text of letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LetterShown {
    /// What the letters are for.
    kind: LetterKind,
    /// The language they are written in.
    language: Language,
    /// How often it was changed.
    version: u32,
    /// What the letter is about.
    subject: String,
    /// The letter itself.
    body: String,
    /// Whether an office has written it; else it is as it comes with the program.
    is_edited: bool,
    /// Who has changed it last.
    edited_by: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    edited_at: Option<Timestamp>,
    /// What may be put into it.
    placeholders: Vec<LetterPlaceholder>,
}

/// Something that may be put into a letter, as `{{ name }}`; `{% if name %}` … `{% endif %}` stands only
/// where it tells something.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LetterPlaceholder {
    /// As it stands between braces.
    #[schema(example = "site")]
    name: &'static str,
    /// What it may tell.
    #[schema(example = "Phường Ba Đình")]
    example: String,
}

/// A text in place of the one that there is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeLetter {
    /// The version that is changed.
    #[serde(deserialize_with = "whole::whole")]
    version: u32,
    /// What the letter is about: one line.
    #[schema(max_length = 300, example = "Giấy mời: {{ title }}")]
    subject: String,
    /// The letter itself.
    #[schema(max_length = 10000, example = "Kính gửi: {{ site }}\n\n{{ link }}")]
    body: String,
}

/// The version of the text that is taken back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterVersion {
    /// The version of the text that is taken back.
    version: u32,
}

/// How a letter would be.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LetterPreview {
    /// What it is about; none if it cannot be written.
    subject: Option<String>,
    /// As text.
    text: Option<String>,
    /// As HTML.
    html: Option<String>,
    /// Why the text may not stand so.
    problem: Option<LetterProblem>,
}

impl LetterShown {
    fn new(kind: LetterKind, language: Language, edited: Option<EditedLetter>) -> Self {
        let facts = Facts::sample(kind, language);
        let allowed = Placeholder::ALL.iter().filter(|name| name.is_for(kind));
        let placeholders = allowed.map(|name| LetterPlaceholder {
            name: name.name(),
            example: name.value(&facts),
        });
        let template = edited.as_ref().and_then(|edited| edited.template.clone());
        let is_edited = template.is_some();
        let Template { subject, body } =
            template.unwrap_or_else(|| Template::usual(kind, language));
        Self {
            kind,
            language,
            version: edited.as_ref().map_or(0, |edited| edited.version),
            subject,
            body,
            is_edited,
            edited_at: edited.as_ref().map(|edited| edited.edited_at),
            edited_by: edited.map(|edited| edited.edited_by),
            placeholders: placeholders.collect(),
        }
    }
}

/// The texts of all letters, with what may be put into each.
#[utoipa::path(
    get,
    path = "/letters",
    tag = "mail",
    responses((status = OK, body = Vec<LetterShown>))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
) -> Result<Json<Vec<LetterShown>>, ApiError> {
    grant.permit(Verb::ReadLetters)?;
    let mut edited = app.store.letters().await?;
    let mut shown = Vec::new();
    for kind in LetterKind::ALL.iter().copied() {
        for language in Language::ALL.iter().copied() {
            let is_it =
                |letter: &mut EditedLetter| letter.kind == kind && letter.language == language;
            let edited = edited.extract_if(.., is_it).next();
            shown.push(LetterShown::new(kind, language, edited));
        }
    }
    Ok(Json(shown))
}

/// Write a text in place of the one that there is. One of which not every letter could be written is
/// refused with the line in which it is wrong.
#[utoipa::path(
    put,
    path = "/letters/{kind}/{language}",
    tag = "mail",
    params(("kind" = LetterKind, Path), ("language" = Language, Path)),
    request_body = ChangeLetter,
    responses(
        (status = OK, body = LetterShown),
        (status = CONFLICT, body = ErrorBody, description = "it is at another version"),
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path((kind, language)): Path<(LetterKind, Language)>,
    Json(ChangeLetter {
        version,
        subject,
        body,
    }): Json<ChangeLetter>,
) -> Result<Json<LetterShown>, ApiError> {
    grant.permit(Verb::EditLetters)?;
    let template = Template { subject, body }.with_plain_lines();
    template
        .check(kind, language)
        .map_err(|problem| ApiError::bad_request(problem.to_string()))?;
    let edited = edited(&app, &grant, (kind, language), version, Some(template));
    let shown = keep(&app, edited).await?;
    AccessLog::changed(client, &grant, &format!("letter {kind}/{language} changed"));
    Ok(Json(shown))
}

/// Take back what an office has written: the text is again as it comes with the program.
#[utoipa::path(
    delete,
    path = "/letters/{kind}/{language}",
    tag = "mail",
    params(("kind" = LetterKind, Path), ("language" = Language, Path), LetterVersion),
    responses(
        (status = OK, body = LetterShown),
        (status = CONFLICT, body = ErrorBody, description = "it is at another version"),
    )
)]
pub(super) async fn reset(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path((kind, language)): Path<(LetterKind, Language)>,
    Query(LetterVersion { version }): Query<LetterVersion>,
) -> Result<Json<LetterShown>, ApiError> {
    grant.permit(Verb::EditLetters)?;
    let edited = edited(&app, &grant, (kind, language), version, None);
    let shown = keep(&app, edited).await?;
    AccessLog::changed(
        client,
        &grant,
        &format!("letter {kind}/{language} taken back"),
    );
    Ok(Json(shown))
}

/// See how a letter would be, of an everyday conference. Nothing is kept.
#[utoipa::path(
    post,
    path = "/letters/{kind}/{language}/preview",
    tag = "mail",
    params(("kind" = LetterKind, Path), ("language" = Language, Path)),
    request_body = Template,
    responses((status = OK, body = LetterPreview))
)]
pub(super) async fn preview(
    grant: Grant,
    Path((kind, language)): Path<(LetterKind, Language)>,
    Json(template): Json<Template>,
) -> Result<Json<LetterPreview>, ApiError> {
    grant.permit(Verb::EditLetters)?;
    let template = template.with_plain_lines();
    let problem = template.check(kind, language).err();
    let written = letters::write(&Facts::sample(kind, language), &template).ok();
    let (subject, text, html) = match written {
        Some(Text {
            subject,
            text,
            html,
        }) => (Some(subject), Some(text), Some(html)),
        None => (None, None, None),
    };
    Ok(Json(LetterPreview {
        subject,
        text,
        html,
        problem,
    }))
}

fn edited(
    app: &Inner,
    grant: &Grant,
    (kind, language): (LetterKind, Language),
    version: u32,
    template: Option<Template>,
) -> EditedLetter {
    let now = app.clock.now().wall;
    EditedLetter {
        kind,
        language,
        // Of the highest there is no next: it is nobody's version.
        version: version.saturating_add(1),
        template,
        edited_by: grant.name().unwrap_or_else(|| grant.subject()).to_owned(),
        // As it is kept.
        edited_at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
    }
}

async fn keep(app: &Inner, edited: EditedLetter) -> Result<LetterShown, ApiError> {
    match app.store.change_letter(edited.clone()).await? {
        LetterChanged::Done => {}
        LetterChanged::Stale(version) => {
            let message = format!(
                "the letter is at version {version}: somebody has changed it, look at it again"
            );
            let stale = ApiError::new(StatusCode::CONFLICT, ErrorCode::WrongState, message);
            return Err(stale);
        }
    }
    Ok(LetterShown::new(edited.kind, edited.language, Some(edited)))
}
