//! `dinh completions` and `dinh man`: what shells and `man` are told of the commands, out of the
//! commands themselves.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// Prints what completes the commands in this shell.
pub(super) fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dinh", &mut script);
    print(&script)
}

/// Prints the page of `dinh` itself, or writes one page for each command into a directory.
pub(super) fn man(directory: Option<&Path>) -> anyhow::Result<()> {
    let Some(directory) = directory else {
        let mut page = Vec::new();
        let man = clap_mangen::Man::new(Cli::command());
        man.render(&mut page).context("cannot make the page")?;
        return print(&page);
    };
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    written.with_context(|| format!("cannot write pages to {}", directory.display()))
}

fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "dinh", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in Cli::command().get_subcommands() {
                let name = command.get_name();
                assert!(script.contains(name), "{shell} knows no `{name}`");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_and_its_page_says_what_it_is_for() {
        let directory = tempfile::tempdir().unwrap();
        man(Some(directory.path())).unwrap();
        let page = |name: &str| {
            let path = directory.path().join(format!("{name}.1"));
            std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()))
        };
        assert!(page("dinh").contains("dinh\\-serve(1)"));
        let token = page("dinh-token-create");
        assert!(
            token.contains(".TH") && token.contains("conference"),
            "{token}"
        );
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().map(ToString::to_string);
            let about = about.expect("each command says what it does");
            let first: Vec<_> = about.split(' ').take(2).collect();
            let text = page(&format!("dinh-{}", command.get_name()));
            assert!(text.contains(&first.join(" ")), "{about}");
        }
    }
}
