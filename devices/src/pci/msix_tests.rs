use std::sync::{Arc, Mutex};

use super::*;
use crate::pci::config::{Bar, BarKind, Identity};

#[derive(Default)]
struct Recorder(Mutex<Vec<u16>>);

impl Messages for Recorder {
    fn program(&self, _vector: u16, _message: Option<Message>) {}
    fn send(&self, vector: u16) {
        self.0.lock().unwrap().push(vector);
    }
}

fn function() -> (Configuration, Msix, Arc<Recorder>) {
    let identity = Identity {
        vendor: 0x1af4,
        device: 0x1000,
        class: [2, 0, 0],
        revision: 0,
        subsystem_vendor: 0x1af4,
        subsystem: 1,
    };
    let mut configuration =
        Configuration::new(identity).with_bar(1, Bar { kind: BarKind::Memory32, size: BAR_SIZE });
    let sink = Arc::new(Recorder::default());
    let msix = Msix::new(&mut configuration, 1, 3, sink.clone()).unwrap();
    (configuration, msix, sink)
}

#[test]
fn a_vector_sent_while_masked_is_pending_and_goes_out_when_unmasked() {
    let (mut configuration, msix, sink) = function();
    let _ = configuration.write(0x42, &(ENABLE).to_le_bytes());
    msix.configuration_written(&configuration);

    msix.send(1);
    let mut bits = [0u8; 4];
    msix.read(PENDING_OFFSET, &mut bits);
    assert_eq!(bits, [2, 0, 0, 0]);
    assert!(sink.0.lock().unwrap().is_empty());

    msix.write(16 + 12, &0u32.to_le_bytes());
    assert_eq!(*sink.0.lock().unwrap(), [1]);
}

#[test]
fn vectors_beyond_the_table_are_ignored() {
    let (_, msix, sink) = function();
    msix.send(NO_VECTOR);
    msix.send(3);
    assert!(sink.0.lock().unwrap().is_empty());
}
