// From the 64-bit entry of the Linux/x86 boot protocol to ring 3.
//
// Ring 0 may be run by KVM's instruction emulator, which is slow and can return to an outer ring
// by SYSEXIT only. So this code is short and the page tables are made by the assembler. AMD has no
// SYSEXIT in 64-bit mode and raises #UD for it; then IRETQ does it, and use_iretq remembers that.
//
// Ring 3 gets the ports by IOPL 3 and by an I/O permission bitmap that permits everything: a host
// that runs ring 3 on its own descriptors may not pass IOPL on, but then it asks the TSS.

.set KERNEL_CODE, 0x10                  // SYSENTER_CS: what SYSEXIT counts from
.set USER_CODE, 0x30 | 3                // SYSENTER_CS + 32
.set USER_DATA, 0x38 | 3                // SYSENTER_CS + 40
.set TASK, 0x40
.set IOPL3, 0x3002
.set INTERRUPT_FLAG, 0x200
.set MSR_SYSENTER_CS, 0x174
.set OSFXSR_OSXMMEXCPT, 0x600           // CR4: SSE may be used
.set INTERRUPT_GATE, 0x8e00
.set INVALID_OPCODE, 6
.set TSS_RSP0, 4
.set TSS_BITMAP_OFFSET, 102
.set TSS_BITMAP, 0x68
.set TSS_LIMIT, TSS_BITMAP + 0x2000

.section .text.start, "ax"
.globl _start
_start:
    cli
    lea rsp, [ring0_stack_top]
    mov rdi, rsi                        // the zero page: main's argument
    lea rax, [page_map]
    mov cr3, rax
    lgdt [gdt_pointer]
    lidt [idt_pointer]
    mov rax, cr4
    or rax, OSFXSR_OSXMMEXCPT
    mov cr4, rax

    lea rax, [ring0_stack_top]
    mov [task_state + TSS_RSP0], rax
    mov word ptr [task_state + TSS_BITMAP_OFFSET], TSS_BITMAP
    mov byte ptr [task_state + TSS_LIMIT], 0xff
    lea rax, [task_state]
    mov [gdt + TASK + 2], ax
    shr rax, 16
    mov [gdt + TASK + 4], al
    mov [gdt + TASK + 7], ah
    mov ax, TASK
    ltr ax

    lea rax, [no_sysexit]
    mov [idt + 16 * INVALID_OPCODE], ax
    mov word ptr [idt + 16 * INVALID_OPCODE + 2], KERNEL_CODE
    mov word ptr [idt + 16 * INVALID_OPCODE + 4], INTERRUPT_GATE
    shr rax, 16
    mov [idt + 16 * INVALID_OPCODE + 6], ax

    xor edx, edx
    mov eax, KERNEL_CODE
    mov ecx, MSR_SYSENTER_CS
    wrmsr
    push IOPL3
    popfq
    lea rdx, [ring3]
    lea rcx, [stack_top]
    sti                                 // takes effect after the next instruction
    sysexitq

no_sysexit:
    mov byte ptr [use_iretq], 1
    push USER_DATA
    lea rax, [stack_top]
    push rax
    push IOPL3 | INTERRUPT_FLAG
    push USER_CODE
    lea rax, [ring3]
    push rax
    iretq

ring3:
    xor ebp, ebp
    call main

.section .data.start, "aw"
.balign 16
gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff, 0x00cf93000000ffff    // 0x10 ring 0 code, 0x18 ring 0 data
    .quad 0, 0
    .quad 0x00affb000000ffff, 0x00cff3000000ffff    // 0x30 ring 3 code, 0x38 ring 3 data
    .word TSS_LIMIT, 0                              // 0x40 TSS
    .byte 0, 0x89, 0, 0
    .quad 0
gdt_end:
.globl gdt_pointer
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
idt_pointer:
    .word 16 * 256 - 1
    .quad idt

// The first 4 GiB one to one in 2 MiB pages, open to both rings.
.balign 4096
.globl page_map
page_map:
    .quad page_directories + 7
    .fill 511, 8, 0
page_directories:
    .quad page_directory + 0x0007, page_directory + 0x1007
    .quad page_directory + 0x2007, page_directory + 0x3007
    .fill 508, 8, 0
page_directory:
    .set page, 0
    .rept 2048
    .quad page + 0x87
    .set page, page + 0x200000
    .endr

.section .bss.start, "aw", @nobits
.balign 16
.globl idt
idt:
    .skip 16 * 256
task_state:
    .skip TSS_LIMIT + 1
.globl use_iretq
use_iretq:
    .skip 1
.balign 16
    .skip 4096
ring0_stack_top:
    .skip 65536
.globl stack_top
stack_top:
