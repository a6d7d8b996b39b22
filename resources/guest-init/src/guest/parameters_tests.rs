use super::*;

#[test]
fn an_empty_command_line_gives_the_defaults() {
    let parameters = Parameters::parse("console=ttyS0 quiet panic=-1\n");
    assert_eq!(parameters.control, "ttyS1");
    assert!(!parameters.shell);
    assert!(parameters.networks.is_empty() && parameters.warnings.is_empty());
}

#[test]
fn networks_repeat() {
    let parameters = Parameters::parse(
        "nicvmm.net=52:54:00:12:34:56,10.0.1.2/24,fd00:1::2/64,gw=10.0.1.1,gw=fd00:1::1,mtu=1420 \
         nicvmm.net=eth1,10.0.2.2/24",
    );
    let first = &parameters.networks[0];
    assert_eq!(first.interface, "52:54:00:12:34:56");
    assert_eq!(first.addresses, ["10.0.1.2/24", "fd00:1::2/64"]);
    assert_eq!(first.gateways.len(), 2);
    assert_eq!(first.mtu, Some(1420));
    assert_eq!(parameters.networks[1].addresses, ["10.0.2.2/24"]);
    assert_eq!(parameters.networks[1].mtu, None);
}

#[test]
fn name_servers_repeat() {
    let parameters = Parameters::parse("nicvmm.dns=10.0.1.3 nicvmm.dns=fd00::3 nicvmm.dns=here");
    let written: Vec<_> = parameters.name_servers.iter().map(ToString::to_string).collect();
    assert_eq!(written, ["10.0.1.3", "fd00::3"]);
    assert_eq!(parameters.warnings, ["nicvmm.dns=here: no address"]);
}

#[test]
fn control_modules_and_shell_are_taken() {
    let parameters =
        Parameters::parse("nicvmm.control=hvc0 nicvmm.modules=tun,kvm_amd nicvmm.shell");
    assert_eq!(parameters.control, "hvc0");
    assert_eq!(parameters.modules, ["tun", "kvm_amd"]);
    assert!(parameters.shell);
}

#[test]
fn what_cannot_be_understood_is_told() {
    let parameters =
        Parameters::parse("nicvmm.net=eth0,10.0.1.2 nicvmm.nte=x nicvmm.net=eth0,gw=here");
    assert_eq!(
        parameters.warnings,
        [
            "nicvmm.net=eth0,10.0.1.2: 10.0.1.2: not an address with prefix length (10.0.1.2/24)",
            "nicvmm.nte=x: unknown parameter",
            "nicvmm.net=eth0,gw=here: here: no address",
        ]
    );
}

#[test]
fn an_interface_name_cannot_smuggle_commands() {
    assert!("eth0\nlink".parse::<Configure>().is_err());
    assert!(",10.0.0.1/8".parse::<Configure>().is_err());
}
