use super::*;

#[test]
fn the_table_is_in_order_and_no_two_registers_overlap() {
    for (index, row) in TABLE.iter().enumerate() {
        assert_eq!(row.reg as usize, index, "{}", row.name);
        assert!(matches!(row.width, 1 | 2 | 4), "{}", row.name);
    }
    for pair in TABLE.windows(2) {
        assert!(pair[0].range().end <= pair[1].range().start, "{}", pair[1].name);
    }
    assert!(TABLE.last().unwrap().range().end <= SIZE);
}

#[test]
fn a_wide_write_is_split_into_the_registers_it_touches() {
    let writes: Vec<Write> = Registers::split(0x3c, &0xffff_00ffu32.to_le_bytes()).collect();
    assert_eq!(
        writes,
        [
            Write { reg: Reg::Imr, value: 0x00ff, lanes: 0xffff },
            Write { reg: Reg::Isr, value: 0xffff, lanes: 0xffff },
        ]
    );
}

#[test]
fn a_narrow_write_changes_its_bytes_alone() {
    let mut registers = Registers::new();
    registers.set(Reg::Rdsar0, 0x1122_3344);
    let writes: Vec<Write> = Registers::split(0xe5, &[0xaa, 0xbb]).collect();
    registers.store(writes[0]);
    assert_eq!(registers.get(Reg::Rdsar0), 0x11bb_aa44);
}

#[test]
fn bits_that_are_not_writable_stay() {
    let mut registers = Registers::new();
    Registers::split(0x40, &[0xff; 4]).for_each(|write| registers.store(write));
    assert_eq!(registers.get(Reg::Tcr), 0x030f_07f0);
}

#[test]
fn reads_beyond_the_file_give_all_ones_and_writes_there_are_lost() {
    let registers = Registers::new();
    let mut data = [0; 4];
    registers.read(0xfe, &mut data);
    assert_eq!(data, [0, 0, 0xff, 0xff]);
    registers.read(u64::MAX, &mut data);
    assert_eq!(data, [0xff; 4]);
    assert_eq!(Registers::split(u64::MAX, &[1, 2]).count(), 0);
}
