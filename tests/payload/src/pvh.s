// From the PVH entry to the 64-bit entry of the Linux/x86 boot protocol: so the payload boots where
// an ELF file is not taken for a Linux kernel, in QEMU.
//
// PVH starts the CPU in 32-bit protected mode without paging, EBX at the start info. All that the
// payload wants of a zero page is the command line's address. Firmware ran before and left the PICs
// open, whose interrupts nobody here would end.

.set NOTE_ENTRY, 18                     // XEN_ELFNOTE_PHYS32_ENTRY
.set START_INFO_COMMAND_LINE, 24
.set CMD_LINE_PTR, 0x228                // in the zero page
.set PIC_MASTER_MASK, 0x21
.set PIC_SLAVE_MASK, 0xa1
.set CODE_64, 0x10
.set DATA, 0x18
.set CR4_PAE, 0x20
.set MSR_EFER, 0xc0000080
.set EFER_LONG_MODE, 0x100
.set CR0_PAGING, 0x80000000

.section .note.pvh, "a", @note
.balign 4
    .long 4, 8, NOTE_ENTRY
    .asciz "Xen"
    .quad pvh_entry

.section .text.pvh, "ax"
.code32
pvh_entry:
    cli
    cld
    mov al, 0xff
    out PIC_MASTER_MASK, al
    out PIC_SLAVE_MASK, al
    mov eax, [ebx + START_INFO_COMMAND_LINE]
    mov [zero_page + CMD_LINE_PTR], eax
    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    lea eax, [page_map]
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LONG_MODE
    wrmsr
    mov eax, cr0
    or eax, CR0_PAGING
    mov cr0, eax
    lgdt [gdt_pointer]
    .byte 0xea                          // far jump
    .long pvh_64
    .word CODE_64
.code64
pvh_64:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    lea rsi, [zero_page]
    jmp _start

.section .bss.pvh, "aw", @nobits
.balign 4096
zero_page:
    .skip 4096
