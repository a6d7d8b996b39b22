//! Small platform devices: UART, i8042, power, panic.
