// Ring 0's side of interrupts and exceptions.
//
// An interrupt is counted and nothing more: until ring 3 ends it no other may come. A local APIC
// sees to that by keeping it in service; the one of a software KVM may not, and ring 3 may not be
// able to switch interrupts off, so on the way back by SYSEXIT the task priority does it.
//
// SYSEXIT loses RCX, RDX and the flags, so they go onto the interrupted stack, below its red zone,
// and ring 3 takes them from there.
//
// An exception is written down for the host; then the machine is told that the guest panicked.

.set RED_ZONE, 128
.set TASK_PRIORITY, 0xfee00080
.set HIGHEST, 0xff
.set FAULT_RECORD, 0x1ff00              // contract::FAULT
.set PANIC_PORT, 0x505                  // pvpanic

.section .text.interrupts, "ax"
.balign 16
.globl interrupt_stubs
interrupt_stubs:                        // 16 bytes each
    .set number, 0
    .rept 16
    .balign 16
    push number
    jmp interrupt
    .set number, number + 1
    .endr

.balign 16
.globl exception_stubs
exception_stubs:                        // 16 bytes each
    .set number, 0
    .rept 32
    .balign 16
    .if (number - 8) * (number - 10) * (number - 11) * (number - 12) * (number - 13) * (number - 14) * (number - 17) * (number - 21) * (number - 29) * (number - 30)
    push 0                              // in place of an error code
    .endif
    push number
    jmp exception
    .set number, number + 1
    .endr

interrupt:                              // stack: number, RIP, CS, RFLAGS, RSP, SS
    push rax
    mov rax, [rsp + 8]
    inc qword ptr [interrupt_counts + 8 * rax]
    cmp byte ptr [use_iretq], 0
    je return_by_sysexit
    pop rax
    add rsp, 8
    iretq

return_by_sysexit:                      // stack: RAX, number, RIP, CS, RFLAGS, RSP, SS
    mov rax, [rsp + 40]
    sub rax, RED_ZONE + 32
    mov [rax], rdx
    mov [rax + 8], rcx
    mov rcx, [rsp + 32]
    mov [rax + 16], rcx
    mov rcx, [rsp + 16]
    mov [rax + 24], rcx
    mov rcx, rax
    pop rax
    mov edx, TASK_PRIORITY
    mov dword ptr [rdx], HIGHEST
    lea rdx, [resume]
    sti                                 // takes effect after the next instruction
    sysexitq

resume:
    pop rdx
    pop rcx
    popfq
    ret RED_ZONE

exception:                              // stack: number, error code, RIP
    pop rax
    inc rax
    mov [FAULT_RECORD], rax
    pop rax
    mov [FAULT_RECORD + 8], rax
    pop rax
    mov [FAULT_RECORD + 16], rax
    mov rax, cr2
    mov [FAULT_RECORD + 24], rax
    mov edx, PANIC_PORT
    mov al, 1
    out dx, al
    hlt

.section .bss.interrupts, "aw", @nobits
.balign 8
.globl interrupt_counts
interrupt_counts:
    .skip 8 * 16
