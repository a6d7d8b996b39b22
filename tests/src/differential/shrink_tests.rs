use super::*;

fn script(text: &str) -> Script {
    Script::parse(text).unwrap()
}

#[test]
fn only_the_steps_that_a_difference_needs_remain() {
    let all = script("readb 1\nwritel 40 7\nreadb 2\nframe +100\nreadb 3\nlink down\nreadb 4\n");
    let needed = [Step::Link(false), Step::parse("readb 1").unwrap().unwrap()];
    let small = shrink(&all, |script| Ok(needed.iter().all(|step| script.steps.contains(step))));
    assert_eq!(small.unwrap(), script("readb 1\nlink down\n"));
}

#[test]
fn values_lose_bits_and_frames_lose_bytes() {
    let fails = |script: &Script| {
        let written = matches!(script.steps.first(), Some(Step::Write(_, v)) if v & 0x100 != 0);
        let long = matches!(script.steps.get(1), Some(Step::Frame(frame)) if frame.len() > 60);
        Ok(written && long)
    };
    let small = shrink(&script("writel 40 ffffffff\nframe ffffffffffff +1000\n"), fails).unwrap();
    assert_eq!(small, script("writel 40 100\nframe ffffffffffff +55\n"));
}
