use clap::Parser;
use clap::error::ErrorKind;

use super::*;

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    command: PathCommand,
}

fn parse(line: &str) -> Result<PathCommand, ErrorKind> {
    let words = std::iter::once("path").chain(line.split_whitespace());
    Program::try_parse_from(words).map(|program| program.command).map_err(|error| error.kind())
}

const PORTS: &str = "--port stream:/a,ip=10.0.1.1/24 --port stream:/b,mtu=1420,ip=10.0.2.1/24";

#[test]
fn ports_make_a_path() {
    let command = parse(&format!("{PORTS} --control /c")).unwrap();
    assert!(command.running.is_none());
    assert_eq!(command.path.config().unwrap().ports[1].mtu, 1420);
    assert_eq!(command.path.control, Some("/c".into()));
}

#[test]
fn a_running_path_is_named_by_its_control_socket_alone() {
    let Some(Running::Set(set)) = parse("set --control /c mtu=1492 a.rate=none").unwrap().running
    else {
        panic!("not set")
    };
    let changes: Vec<_> = set.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["mtu=1492", "a.rate=none"]);
    assert!(matches!(parse("show --control /c --json").unwrap().running, Some(Running::Show(_))));
}

#[test]
fn a_command_line_that_is_half_of_either_is_refused() {
    assert_eq!(parse("").unwrap_err(), ErrorKind::MissingRequiredArgument);
    assert_eq!(parse("show").unwrap_err(), ErrorKind::MissingRequiredArgument);
    assert_eq!(parse("set --control /c").unwrap_err(), ErrorKind::MissingRequiredArgument);
    assert_eq!(parse("set --control /c mtu").unwrap_err(), ErrorKind::ValueValidation);
    assert!(parse(&format!("{PORTS} show --control /c")).is_err());
}

#[test]
fn a_seed_is_a_number_or_drawn() {
    let seed = |text: &str| parse(&format!("{PORTS} --seed {text}")).map(|args| args.path.seed);
    assert_eq!(seed("7"), Ok(7));
    assert_ne!(seed("random"), seed("random"));
    assert_eq!(seed("soon"), Err(ErrorKind::ValueValidation));
}

#[test]
fn links_of_a_chain_can_carry_what_the_ports_speak() {
    let config = |chain: &str| parse(&format!("{PORTS} --chain {chain}")).unwrap().path.config();
    assert_eq!(config("1480,1450").unwrap().chain, [1480, 1450]);
    assert!(config("60").unwrap_err().to_string().contains("at least 68"));
}

#[test]
fn one_port_or_two_at_one_socket_are_no_path() {
    let config = |line: &str| parse(line).unwrap().path.config().unwrap_err().to_string();
    assert!(config("--port stream:/a,ip=10.0.1.1/24").contains("not 1 times"));
    let same = "--port stream:/a,ip=10.0.1.1/24 --port stream:/a,ip=10.0.2.1/24";
    assert!(config(same).contains("/a"));
}
