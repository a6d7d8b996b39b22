use super::*;

#[test]
fn a_request_takes_any_words() {
    let request = Request::new(["nicvmm", "run"]);
    assert_eq!(request.argv, ["nicvmm", "run"]);
    assert_eq!((request.memory_mib, request.cpus), (4096, 2));
}
