use serde_json::json;

use super::*;

#[test]
fn a_record_of_a_run_is_one_line() {
    let run = json!({ "number": 1, "trace": [{ "at": 0.5, "kind": "data" }, { "at": 0.6 }] });
    let document = json!({ "variants": [{ "name": "a", "runs": [run] }], "none": [] });
    let text = to_text(&document, 0).unwrap();
    assert!(text.contains("\n            {\"at\":0.5,\"kind\":\"data\"},\n"), "{text}");
    assert!(text.contains("\n          \"number\": 1,\n"), "{text}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
}

#[test]
fn a_shallow_document_is_as_pretty_as_ever() {
    let document = json!({ "a": [1, 2, { "b": {} }], "c": "d" });
    let text = to_text(&document, 0).unwrap();
    assert_eq!(text, serde_json::to_string_pretty(&document).unwrap() + "\n");
}
