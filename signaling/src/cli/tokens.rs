//! `dinh token`: making, listing and taking back tokens, also beside a running server.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::{complain, print};
use crate::auth::{Issued, MAX_VALIDITY, Narrowing, NewToken, Role, Verb, Verbs};
use crate::config::Config;
use crate::ids::{ConferenceId, SiteCode, TokenId};
use crate::links::{self, NewLink};
use crate::sites::Site;
use crate::store::{TokenFilter, TokenRow};
use crate::tokens::{ForSites, Mint};
use crate::vault::Vault;

/// Who had a token made, as it is written down.
const BY: &str = "command line";

/// Tokens that are read at once for a list.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Make a token and print it, with a link for people and its id on standard error.
    Create(NewTokenArgs),
    /// List the tokens that were made here and are still valid.
    List(ListArgs),
    /// Take tokens back: nobody comes in with them, and whoever did has to go within 5 s.
    Revoke {
        /// Ids of the tokens, as `create` and `list` print them.
        #[arg(required = true)]
        ids: Vec<TokenId>,
    },
}

#[derive(Debug, Args)]
pub(super) struct NewTokenArgs {
    /// The conference; none for the role admin.
    #[arg(long)]
    conference: Option<ConferenceId>,
    /// operator, chair, hall, site, observer or admin.
    #[arg(long)]
    role: Role,
    /// Code of the site that it speaks for; the role site needs one.
    #[arg(long)]
    site: Option<SiteCode>,
    /// Whom it is for; links of one role and subject are the same person. Without it, each link is
    /// somebody of its own, or its site.
    #[arg(long, conflicts_with = "sites")]
    subject: Option<String>,
    /// Name to show instead of the site's.
    #[arg(long, conflicts_with = "sites")]
    name: Option<String>,
    /// What alone it is for, of what its role may: verbs with commas. Without it, all of that.
    #[arg(long, value_name = "VERB", value_delimiter = ',', num_args = 1.., value_parser = verbs(), conflicts_with = "sites")]
    scope: Vec<Verb>,
    /// Code of the province beyond which it does not reach; for the role admin.
    #[arg(long, value_name = "CODE", conflicts_with = "sites")]
    province: Option<SiteCode>,
    /// How long it is good for, such as 90m, 12h or 7d; at most 366d.
    #[arg(long, default_value = "12h", value_parser = duration)]
    ttl: SignedDuration,
    /// In how many browsers the link may be opened: those that open it first.
    #[arg(long, default_value_t = links::usual_devices(), value_parser = clap::value_parser!(u32).range(1..=i64::from(links::MAX_DEVICES)))]
    devices: u32,
    /// One token for each of many sites: `all` that the conference expects, or codes with commas.
    #[arg(long, requires_all = ["csv", "conference"], conflicts_with = "site")]
    sites: Option<ManySites>,
    /// Where to write them: code,name,link,token id,expires. `-` is standard output.
    #[arg(long, requires = "sites")]
    csv: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Of this conference only.
    #[arg(long)]
    conference: Option<ConferenceId>,
    /// Those too whose time is over.
    #[arg(long)]
    all: bool,
}

/// The value of `--sites`.
#[derive(Clone, Debug, Eq, PartialEq)]
enum ManySites {
    All,
    These(BTreeSet<SiteCode>),
}

impl FromStr for ManySites {
    type Err = crate::ids::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let codes = text.split(',').map(|code| code.trim().parse());
        codes.collect::<Result<_, _>>().map(Self::These)
    }
}

/// Reads the name of a verb; whoever names none is told those that there are.
fn verbs() -> impl TypedValueParser<Value = Verb> {
    let names = Verb::ALL.iter().map(|verb| verb.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Verb>())
}

/// Reads a span such as `90m`; a day has 24 hours. No token is good for longer than a year.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let friendly = jiff::fmt::friendly::SpanParser::new();
    let days_and_time = text
        .strip_suffix('d')
        .and_then(|days| days.trim().parse::<i64>().ok())
        .map(|days| SignedDuration::from_hours(days.saturating_mul(24)));
    let parsed = match days_and_time {
        Some(days) => days,
        None => friendly
            .parse_duration(text)
            .map_err(|error| error.to_string())?,
    };
    if !parsed.is_positive() {
        return Err("must be longer than nothing".to_owned());
    }
    if parsed > MAX_VALIDITY {
        return Err("must be at most 366d: a link that gets lost is good until then".to_owned());
    }
    Ok(parsed)
}

/// Does what the command line says.
pub(super) async fn run(config: &Config, verb: TokenVerb) -> anyhow::Result<()> {
    let vault = Vault::existing(config).await?;
    match verb {
        TokenVerb::Create(args) => create(config, &vault, args).await,
        TokenVerb::List(args) => list(&vault, args).await,
        TokenVerb::Revoke { ids } => revoke(&vault, ids).await,
    }
}

fn mint(vault: &Vault) -> Mint<'_> {
    Mint {
        keys: &vault.keys,
        store: &vault.store,
        by: BY,
        within: None,
        now: Timestamp::now(),
    }
}

async fn create(config: &Config, vault: &Vault, args: NewTokenArgs) -> anyhow::Result<()> {
    let base = config.base_url(config.http.listen);
    let role = args.role;
    if let (Some(sites), Some(file), Some(conference)) = (args.sites, args.csv, &args.conference) {
        let wanted = ForSites {
            conference: conference.clone(),
            role,
            sites: match sites {
                ManySites::All => None,
                ManySites::These(codes) => Some(codes),
            },
            valid_for: args.ttl,
        };
        let made = mint(vault).for_sites(wanted).await?;
        let new = made
            .iter()
            .map(|(_, issued)| NewLink::to(issued, role, None));
        let links = links::create(&vault.store, &base, new, args.devices).await?;
        return write_csv(&file, &made, &links);
    }
    let new = NewToken {
        subject: args.subject,
        conference: args.conference,
        site: args.site,
        role,
        name: args.name.clone(),
        valid_for: args.ttl,
        narrowing: Narrowing {
            scope: (!args.scope.is_empty()).then(|| Verbs::from_iter(args.scope)),
            province: args.province,
        },
    };
    let issued = mint(vault).one(new).await?;
    print(&issued.token)?;
    let mut error = std::io::stderr();
    if role != Role::Admin {
        let new = NewLink::to(&issued, role, args.name);
        for link in links::create(&vault.store, &base, [new], args.devices).await? {
            let _ = writeln!(error, "{link}");
        }
    }
    let (id, until) = (&issued.id, issued.expires_at);
    let _ = writeln!(error, "token {id}, valid until {until:.0}");
    Ok(())
}

fn write_csv(file: &Path, made: &[(Site, Issued)], links: &[String]) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["code", "name", "link", "token id", "expires"])?;
    for ((site, issued), link) in made.iter().zip(links) {
        let until = format!("{:.0}", issued.expires_at);
        csv.write_record([
            site.code.as_str(),
            &site.name,
            link,
            issued.id.as_str(),
            &until,
        ])?;
    }
    let text = csv.into_inner().context("cannot write CSV")?;
    if file.as_os_str() == "-" {
        return std::io::stdout()
            .write_all(&text)
            .context("cannot write to standard output");
    }
    // Every line of it opens a seat: nobody else reads it, and no former list is overwritten.
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write {}", file.display()))?;
    complain(&format!(
        "{} links, each a secret, are in {}",
        made.len(),
        file.display()
    ));
    Ok(())
}

async fn list(vault: &Vault, args: ListArgs) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let mut filter = TokenFilter {
        conference: args.conference,
        valid_at: (!args.all).then_some(now),
        after: None,
        limit: PAGE,
    };
    let head = "id                          role      for               conference        state    until                 by";
    print(head)?;
    loop {
        let page = vault.store.tokens(&filter).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        filter.after = Some(last.id.clone());
        let lines: Vec<_> = page.iter().map(|row| line(row, now)).collect();
        print(&lines.join("\n"))?;
    }
}

fn line(row: &TokenRow, now: Timestamp) -> String {
    let state = if row.revoked_at.is_some() {
        "revoked"
    } else if row.expires_at <= now {
        "expired"
    } else {
        "valid"
    };
    let conference = row.conference.as_ref().map_or("-", ConferenceId::as_str);
    // A token for nobody in particular repeats its id.
    let subject = if row.subject.ends_with(row.id.as_str()) {
        "-"
    } else {
        &row.subject
    };
    let scope = row.scope.map(|scope| format!("  for {scope} alone"));
    let province = row.province.as_ref();
    let province = province.map(|code| format!("  in province {code}"));
    format!(
        "{:<26}  {:<8}  {subject:<16}  {conference:<16}  {state:<7}  {:.0}  {}{}{}",
        row.id,
        row.role,
        row.expires_at,
        row.issued_by,
        scope.unwrap_or_default(),
        province.unwrap_or_default()
    )
}

async fn revoke(vault: &Vault, ids: Vec<TokenId>) -> anyhow::Result<()> {
    let now = Timestamp::now();
    for id in ids {
        let known = vault.store.token(&id).await?;
        vault.store.revoke_token(&id, now).await?;
        match known {
            Some(row) => print(&format!("{id} ({}) is taken back", row.subject))?,
            None => print(&format!(
                "{id} was not made here; whoever signed it, it is refused from now on"
            ))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_as_people_write_them() {
        assert_eq!(duration("90m"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(duration("12h"), Ok(SignedDuration::from_hours(12)));
        assert_eq!(duration("7d"), Ok(SignedDuration::from_hours(168)));
        assert!(duration("0s").is_err());
        assert!(duration("36500d").is_err());
        assert!(duration("soon").is_err());
    }

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(subcommand)]
        verb: TokenVerb,
    }

    fn args_of(arguments: &[&str]) -> Result<NewTokenArgs, String> {
        let words = ["dinh", "create"].iter().chain(arguments);
        let line =
            <Line as clap::Parser>::try_parse_from(words).map_err(|error| error.to_string())?;
        match line.verb {
            TokenVerb::Create(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_scope_is_verbs_with_commas_and_an_unknown_one_is_answered_with_all_that_there_are() {
        let args = args_of(&["--role", "admin", "--scope", "readBookings,invite"]).unwrap();
        assert_eq!(args.scope, [Verb::ReadBookings, Verb::Invite]);
        assert!(args_of(&["--role", "admin"]).unwrap().scope.is_empty());
        let told = args_of(&["--role", "admin", "--scope", "readBooking"]).unwrap_err();
        for verb in Verb::ALL {
            assert!(told.contains(verb.as_str()), "{told}");
        }
    }

    #[test]
    fn many_sites_are_all_or_those_that_are_named() {
        assert_eq!("all".parse(), Ok(ManySites::All));
        let two = ["00004", "00008"].map(|code| code.parse().unwrap());
        let these = ManySites::These(two.into_iter().collect());
        assert_eq!("00008, 00004".parse(), Ok(these));
        assert!("00004,,".parse::<ManySites>().is_err());
    }
}
