use super::*;

fn complaint(text: &'static str) -> String {
    compile(("test", text)).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn every_list_can_be_read() {
    Filters::compile().unwrap();
}

#[test]
fn no_list_lets_a_thread_start_programs_or_look_into_others() {
    let forbidden = ["execve", "execveat", "ptrace", "process_vm_readv", "kill", "mount", "setns"];
    for thread in Thread::ALL {
        let mut calls = Calls::default();
        calls.read(thread.list().1).unwrap();
        for name in forbidden {
            let number = Sysno::from_str(name).unwrap().id().into();
            let found = calls.always.contains(&number) || calls.allowed.contains_key(&number);
            assert!(!found, "{name} is on the list {}", thread.name());
        }
    }
}

#[test]
fn a_wrong_line_is_told_with_its_number() {
    let known = "the sandbox's list test: line 2: ";
    assert!(complaint("read\nreed").starts_with(&format!("{known}there is no call \"reed\"")));
    assert!(complaint("\nread arg9 == 1").starts_with(known));
    assert!(complaint("\nread arg0 = 1").contains("\"arg0 = 1\" is no condition"));
    assert!(complaint("\n@commen").contains("there is no list \"commen\""));
}

#[test]
fn conditions_are_equalities_or_masks_of_arguments() {
    assert!(condition("arg1 == 0x10").is_ok());
    assert!(condition(" arg2 & 4 == 0").is_ok());
    assert!(condition("arg0 == self").is_ok());
    assert!(condition("arg0 == other").is_err());
}
