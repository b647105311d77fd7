//! `dinh sites`: the directory as files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};

use super::{complain, print};
use crate::config::Config;
use crate::sites::export::{self, FileFormat};
use crate::sites::finding::Severity;
use crate::sites::preview::{ChangedSite, MAX_ENTRIES, Preview};
use crate::sites::{Column, Encoding, Mapping, Missing, Reading, SiteFilter, Wish};
use crate::store::Consent;
use crate::vault;

#[derive(Debug, Subcommand)]
pub(super) enum SitesVerb {
    /// Import a list from CSV or a workbook (XLSX): all of it or nothing.
    Import(Import),
    /// Write all sites to a file that can be imported again.
    Export {
        /// The file; CSV on standard output if there is none.
        file: Option<PathBuf>,
        /// The kind of file; what its name ends in if left out.
        #[arg(long)]
        format: Option<Format>,
    },
}

#[derive(Args, Debug)]
pub(super) struct Import {
    /// The file.
    file: PathBuf,
    /// Say what would be changed and what looks wrong, and change nothing.
    #[arg(long)]
    preview: bool,
    /// What becomes of known sites that are not in the file.
    #[arg(long, default_value = "keep")]
    missing: IfMissing,
    /// What looks wrong is meant so.
    #[arg(long)]
    confirm: bool,
    /// Do what the preview with this digest has shown, or nothing.
    #[arg(long)]
    digest: Option<String>,
    /// Which sheet of a workbook; the first if left out.
    #[arg(long)]
    sheet: Option<String>,
    /// What the file calls a column, as in `--column code="Ký hiệu"`; nothing to leave it out.
    #[arg(long = "column", value_name = "COLUMN=HEADER", value_parser = column)]
    columns: Vec<(Column, String)>,
    /// How a text is written that is neither UTF-8 nor UTF-16: windows-1258 or windows-1252.
    #[arg(long)]
    encoding: Option<Encoding>,
}

/// [`Missing`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum IfMissing {
    /// They stay.
    Keep,
    /// They are kept for the records alone.
    Hide,
    /// They are no longer known; records keep what they know of them.
    Remove,
}

/// [`FileFormat`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// Text with commas.
    Csv,
    /// A workbook.
    Xlsx,
    /// A document, for other systems.
    Json,
}

fn column(text: &str) -> Result<(Column, String), String> {
    let (column, header) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not like code=HEADER"))?;
    let column = column.parse().map_err(|error| format!("{error}"))?;
    Ok((column, header.to_owned()))
}

/// Does what the command line says.
pub(super) async fn run(config: &Config, verb: SitesVerb) -> anyhow::Result<()> {
    match verb {
        SitesVerb::Import(args) => import(config, args).await,
        SitesVerb::Export { file, format } => export(config, file.as_deref(), format).await,
    }
}

async fn import(config: &Config, args: Import) -> anyhow::Result<()> {
    let file = args.file;
    let list = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let is_new = !config.data_dir.exists();
    let store = vault::store_to_fill(config).await?;
    if is_new {
        complain(&format!(
            "made the data directory {}",
            config.data_dir.display()
        ));
    }
    let wish = Wish {
        missing: match args.missing {
            IfMissing::Keep => Missing::Keep,
            IfMissing::Hide => Missing::Hide,
            IfMissing::Remove => Missing::Remove,
        },
        reading: Reading {
            sheet: args.sheet,
            encoding: args.encoding,
            columns: args.columns.into_iter().collect::<Mapping>(),
        },
    };
    if args.preview {
        let preview = store.preview_sites(&list, &wish, (0, MAX_ENTRIES)).await;
        let preview = preview.with_context(|| format!("cannot read {}", file.display()))?;
        return print(&told(&preview, wish.missing));
    }
    let consent = Consent {
        confirmed: args.confirm,
        digest: args.digest,
    };
    let summary = store
        .import_sites(&list, &wish, &consent)
        .await
        .with_context(|| format!("nothing of {} was imported", file.display()))?;
    for warning in &summary.warnings {
        complain(&format!("warning: {warning}"));
    }
    let gone = match wish.missing {
        Missing::Keep => String::new(),
        Missing::Hide => format!(", {} hidden", summary.hidden),
        Missing::Remove => format!(", {} removed", summary.removed),
    };
    print(&format!(
        "{} sites added, {} changed, {} unchanged{gone}",
        summary.added, summary.changed, summary.unchanged
    ))
}

/// A preview in words.
fn told(preview: &Preview, missing: Missing) -> String {
    let mut lines = Vec::new();
    for finding in &preview.findings.entries {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Doubt => "doubt",
            Severity::Note => "note",
        };
        lines.push(format!("{severity}: {finding}"));
    }
    let more = |lines: &mut Vec<String>, total: u32, shown: usize, what: &str| {
        let more = (total as usize).saturating_sub(shown);
        if more > 0 {
            lines.push(format!("and {more} more {what}"));
        }
    };
    let Preview {
        findings,
        added,
        changed,
        vanished,
        ..
    } = preview;
    more(
        &mut lines,
        findings.total,
        findings.entries.len(),
        "findings",
    );
    for site in &added.entries {
        lines.push(format!("+ {} {}", site.code, site.name));
    }
    more(&mut lines, added.total, added.entries.len(), "added");
    for ChangedSite { code, fields, .. } in &changed.entries {
        for field in fields {
            let column = field.column.map_or("sight", Column::as_str);
            let (before, after) = (&field.before, &field.after);
            lines.push(format!("~ {code} {column}: {before:?} -> {after:?}"));
        }
    }
    more(&mut lines, changed.total, changed.entries.len(), "changed");
    if missing != Missing::Keep {
        for site in &vanished.entries {
            lines.push(format!("- {} {}", site.code, site.name));
        }
        let (total, shown) = (vanished.total, vanished.entries.len());
        more(&mut lines, total, shown, "not in the list");
    }
    lines.push(format!(
        "{} sites to add, {} to change, {} unchanged, {} known ones not in the list",
        added.total, changed.total, preview.unchanged, vanished.total
    ));
    let confirm = if preview.needs_confirmation {
        " --confirm"
    } else {
        ""
    };
    lines.push(if preview.importable {
        format!("to do just that: --digest {}{confirm}", preview.digest)
    } else {
        "nothing can be imported until the errors are mended".to_owned()
    });
    lines.join("\n")
}

async fn export(
    config: &Config,
    file: Option<&Path>,
    format: Option<Format>,
) -> anyhow::Result<()> {
    let end = file.and_then(Path::extension).and_then(|end| end.to_str());
    let format = match format {
        Some(Format::Csv) => FileFormat::Csv,
        Some(Format::Xlsx) => FileFormat::Xlsx,
        Some(Format::Json) => FileFormat::Json,
        None => match end {
            Some("xlsx") => FileFormat::Xlsx,
            Some("json") => FileFormat::Json,
            _ => FileFormat::Csv,
        },
    };
    let directory = vault::existing(config)?;
    let store = vault::open_store(config, &directory).await?;
    let sites = store.sites(&SiteFilter::default()).await?;
    let bytes = export::export(&sites, format)?;
    let Some(file) = file else {
        return std::io::stdout()
            .write_all(&bytes)
            .context("cannot write to standard output");
    };
    std::fs::write(file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
    print(&format!(
        "{} sites written to {}",
        sites.len(),
        file.display()
    ))
}
