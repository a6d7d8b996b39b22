use super::*;

const EVERY_KIND: &str = "\
writeb 37 c
outw 3c ffff
writel 40 3000600
readw 3e
inl e4
config 34
ram 150000 525400123456 +46
ram 150001 +9
words 100000 b000003c 0 150000 0
frame ffffffffffff +54
link down
link up
clock 600
";

#[test]
fn a_script_reads_as_it_was_written() {
    assert_eq!(Script::parse(EVERY_KIND).unwrap().to_string(), EVERY_KIND);
}

#[test]
fn comments_answers_and_empty_lines_are_no_steps() {
    let script = Script::parse("# why\n\nreadb 37 # command\n    value c\n").unwrap();
    assert_eq!(script.to_string(), "readb 37\n");
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    let error = Script::parse("readb 37\nreadx 37\n").unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "line 2: `readx 37` is no step: readx ends in none of b, w, l"
    );
}
