use clap::Command;

use super::*;

/// The examples in a command's help, each a command line of ours.
fn examples(command: &Command) -> Vec<String> {
    let help = command.clone().term_width(0).render_long_help().to_string();
    let text = help.replace("Example: ", "\n  ").replace("\\\n", " ");
    text.lines()
        .filter(|line| line.starts_with("  ") && line.contains("nicvmm "))
        .flat_map(|line| line.split(" && ").flat_map(|part| part.split(" | ")))
        .map(|part| part.trim().split("   ").next().unwrap_or_default())
        .map(|part| part.split(" >").next().unwrap_or_default().to_owned())
        .filter(|part| part.starts_with("nicvmm "))
        .collect()
}

#[test]
fn the_program_s_help_fits_a_screen() {
    let shown = Cli::command().term_width(80).try_get_matches_from(["nicvmm", "--help"]);
    let text = shown.unwrap_err().to_string();
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    assert!(text.lines().count() <= 24 && widest <= 80, "{widest} wide:\n{text}");
}

#[test]
fn every_command_has_examples_and_takes_them() {
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let examples = examples(command);
        assert!(!examples.is_empty(), "{} has no example", command.get_name());
        for example in examples {
            let parsed = Cli::try_parse_from(example.split_whitespace());
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}
