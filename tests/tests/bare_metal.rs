//! The machine as a guest without a kernel meets it, on this host's own KVM: exits, PCI, interrupts.
//!
//! The guest runs in ring 3, so that it is fast even where KVM emulates ring 0 in software. Such a
//! host's local APIC ends an interrupt as it delivers it; the tests say where that makes a
//! difference to what they prove.

use std::sync::{Arc, Mutex};

use devices::bus::{Action, Device};
use tests::bare_metal::Guest;
use tests::bare_metal::contract::{STRING_PORT, STRING_WORDS};

const ONES: &str = "0xffffffff";

#[test]
fn every_access_that_nobody_answers_is_one_exit_and_reads_as_ones() {
    let (Some(few), Some(many)) = (Guest::new(), Guest::new()) else { return };
    let few = few.run("accesses count=1").exits;
    let many = many.run("accesses count=101");
    assert_eq!(many.all("port"), ["0xff"; 101]);
    assert_eq!(many.all("memory"), [ONES; 101]);
    assert_eq!(many.exits.port_reads - few.port_reads, 100);
    assert_eq!(many.exits.port_writes - few.port_writes, 100);
    assert_eq!(many.exits.memory_reads - few.memory_reads, 100);
    assert_eq!(many.exits.memory_writes - few.memory_writes, 100);
}

#[test]
fn doorbells_and_reads_of_a_mirrored_register_cause_no_exit() {
    let (Some(few), Some(many)) = (Guest::new(), Guest::new()) else { return };
    let few = few.with_card().run("rings count=1");
    let many = many.with_card().run("rings count=51");
    assert_eq!(many.all("memory"), ["true"; 51]);
    assert_eq!(many.all("ports"), ["true"; 51]);
    assert_eq!(many.exits, few.exits);
}

#[test]
fn the_bus_has_a_host_bridge_in_slot_0_and_nics_from_slot_3() {
    let Some(guest) = Guest::new() else { return };
    let outcome = guest.with_card().with_card().run("enumerate");
    assert_eq!(
        outcome.all("function"),
        [
            "0 identity 0x12378086 class 0x06000002 interrupt 0x0010",
            "3 identity 0x00011209 class 0xff000000 interrupt 0x0113",
            "4 identity 0x00011209 class 0xff000000 interrupt 0x0114",
        ]
    );
}

#[test]
fn a_bar_tells_its_size() {
    let Some(guest) = Guest::new() else { return };
    let outcome = guest.with_card().run("bars");
    assert_eq!(outcome.text("size.ports"), "0xfffffff1");
    assert_eq!(outcome.text("size.memory"), "0xfffffff0");
    assert_eq!(outcome.text("size.absent"), "0x00000000");
}

#[test]
fn a_bar_that_moves_takes_its_registers_and_its_doorbell_along() {
    let Some(guest) = Guest::new() else { return };
    let outcome = guest.with_card().run("bars");
    for place in ["before.memory", "before.ports", "moved.new.memory", "moved.new.ports"] {
        assert_eq!(outcome.text(place), "0x12345678", "{place}");
    }
    for place in ["moved.old.memory", "moved.old.ports"] {
        assert_eq!(outcome.text(place), ONES, "{place}");
    }
    for bell in ["before.rang", "moved.memory.rang", "moved.ports.rang"] {
        assert!(outcome.holds(bell), "{bell}");
    }
    assert_eq!(outcome.number("enabled.rings"), 3, "the doorbells' old places are silent");
}

#[test]
fn a_bar_answers_only_while_the_command_register_lets_it() {
    let Some(guest) = Guest::new() else { return };
    let outcome = guest.with_card().run("bars");
    assert_eq!(outcome.text("disabled.memory"), ONES);
    assert_eq!(outcome.text("disabled.ports"), ONES);
    assert_eq!(outcome.text("enabled.memory"), "0x12345678");
}

#[test]
fn the_guest_comes_back_from_every_interrupt() {
    let Some(guest) = Guest::new() else { return };
    let outcome = guest.run("self-interrupts count=500");
    assert_eq!(outcome.number("taken"), 500);
    assert_eq!(outcome.number("sum"), (0..500).map(|index| index % 251).sum::<u64>());
}

#[test]
fn a_level_interrupt_comes_again_only_while_its_line_is_high() {
    let Some(guest) = Guest::new() else { return };
    let outcome = guest.with_card().run("intx");
    assert!(outcome.holds("raised"), "the line was raised");
    assert!(outcome.holds("ended-high"), "the line was still high when the interrupt ended");
    assert!(outcome.holds("lowered.fence") && outcome.holds("quiet.fence"));
    // Where the APIC ends interrupts by itself it may have taken the line for high once more.
    let early = u64::from(!outcome.holds("raised.in-service"));
    assert!(outcome.number("lowered.count") <= 2 + early, "the line was low:\n{outcome}");
    assert_eq!(outcome.number("quiet.count"), outcome.number("lowered.count"));
    assert!(!outcome.holds("quiet.requested"));
    assert!(outcome.holds("raised-again"));
}

#[test]
fn a_message_is_held_back_while_its_vector_is_masked() {
    let Some(guest) = Guest::new() else { return };
    let outcome = guest.with_card().run("msix");
    assert!(outcome.holds("sent"));
    assert!(outcome.holds("masked.fence"));
    assert_eq!(outcome.number("masked.count"), 1);
    assert!(outcome.holds("masked.pending"));
    assert!(outcome.holds("unmasked"), "unmasking sends what was pending");
    assert!(!outcome.holds("unmasked.pending"));
}

#[test]
fn a_program_that_crashes_is_told_by_its_exception() {
    let Some(guest) = Guest::new() else { return };
    let complaint = guest.attempt("crash").unwrap_err();
    assert!(complaint.contains("after exception 6 "), "{complaint}");
}

/// Counts what is read, keeps what is written.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<(u8, Vec<Vec<u8>>)>>);

impl Device for Tape {
    fn read(&mut self, _offset: u64, data: &mut [u8]) {
        let mut tape = self.0.lock().unwrap();
        tape.0 += 1;
        data.fill(tape.0);
    }

    fn write(&mut self, _offset: u64, data: &[u8]) -> Action {
        self.0.lock().unwrap().1.push(data.to_vec());
        Action::None
    }
}

#[test]
fn a_string_instruction_reaches_a_device_element_by_element() {
    let Some(guest) = Guest::new() else { return };
    let tape = Tape::default();
    let outcome = guest.with_ports(STRING_PORT, 2, tape.clone()).run("strings");
    assert_eq!(outcome.text("read"), "[1, 2, 3, 4, 5, 6, 7, 8]");
    let written = tape.0.lock().unwrap().1.clone();
    assert_eq!(written, STRING_WORDS.map(u16::to_le_bytes).map(Vec::from));
}
