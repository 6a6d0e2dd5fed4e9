//go:build !purego

#include "textflag.h"

// HMAC-SHA-256 of one block, with the SHA extensions of x86 (Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2B, SHA256RNDS2): the inner hash from
// the state after the key's block on, and the outer one over what is still in the
// registers. Each instruction waits for the one before it for longer than it takes, so
// that two lanes take little more time than one.

// The constants of SHA-256 (FIPS 180-4 section 4.2.2).
DATA k256<>+0x00(SB)/8, $0x71374491428a2f98
DATA k256<>+0x08(SB)/8, $0xe9b5dba5b5c0fbcf
DATA k256<>+0x10(SB)/8, $0x59f111f13956c25b
DATA k256<>+0x18(SB)/8, $0xab1c5ed5923f82a4
DATA k256<>+0x20(SB)/8, $0x12835b01d807aa98
DATA k256<>+0x28(SB)/8, $0x550c7dc3243185be
DATA k256<>+0x30(SB)/8, $0x80deb1fe72be5d74
DATA k256<>+0x38(SB)/8, $0xc19bf1749bdc06a7
DATA k256<>+0x40(SB)/8, $0xefbe4786e49b69c1
DATA k256<>+0x48(SB)/8, $0x240ca1cc0fc19dc6
DATA k256<>+0x50(SB)/8, $0x4a7484aa2de92c6f
DATA k256<>+0x58(SB)/8, $0x76f988da5cb0a9dc
DATA k256<>+0x60(SB)/8, $0xa831c66d983e5152
DATA k256<>+0x68(SB)/8, $0xbf597fc7b00327c8
DATA k256<>+0x70(SB)/8, $0xd5a79147c6e00bf3
DATA k256<>+0x78(SB)/8, $0x1429296706ca6351
DATA k256<>+0x80(SB)/8, $0x2e1b213827b70a85
DATA k256<>+0x88(SB)/8, $0x53380d134d2c6dfc
DATA k256<>+0x90(SB)/8, $0x766a0abb650a7354
DATA k256<>+0x98(SB)/8, $0x92722c8581c2c92e
DATA k256<>+0xa0(SB)/8, $0xa81a664ba2bfe8a1
DATA k256<>+0xa8(SB)/8, $0xc76c51a3c24b8b70
DATA k256<>+0xb0(SB)/8, $0xd6990624d192e819
DATA k256<>+0xb8(SB)/8, $0x106aa070f40e3585
DATA k256<>+0xc0(SB)/8, $0x1e376c0819a4c116
DATA k256<>+0xc8(SB)/8, $0x34b0bcb52748774c
DATA k256<>+0xd0(SB)/8, $0x4ed8aa4a391c0cb3
DATA k256<>+0xd8(SB)/8, $0x682e6ff35b9cca4f
DATA k256<>+0xe0(SB)/8, $0x78a5636f748f82ee
DATA k256<>+0xe8(SB)/8, $0x8cc7020884c87814
DATA k256<>+0xf0(SB)/8, $0xa4506ceb90befffa
DATA k256<>+0xf8(SB)/8, $0xc67178f2bef9a3f7
GLOBL k256<>(SB), RODATA|NOPTR, $256

// The second half of the outer hash's block: what pads the 32 bytes of the inner sum
// behind the key's block (section 5.1.1).
DATA padding<>+0x00(SB)/8, $0x80000000
DATA padding<>+0x08(SB)/8, $0
DATA padding<>+0x10(SB)/8, $0
DATA padding<>+0x18(SB)/8, $0x0000030000000000
GLOBL padding<>(SB), RODATA|NOPTR, $32

// flip turns the bytes of four words around.
DATA flip<>+0x00(SB)/8, $0x0405060700010203
DATA flip<>+0x08(SB)/8, $0x0c0d0e0f08090a0b
GLOBL flip<>(SB), RODATA|NOPTR, $16

// ROUNDS are four rounds with the words m. s0 holds the state's words F, E, B, A and s1
// H, G, D, C, from the lowest on.
#define ROUNDS(k, m, s0, s1) \
	MOVO        m, X0;       \
	PADDD       k(AX), X0;   \
	SHA256RNDS2 X0, s0, s1;  \
	PSHUFD      $0x0E, X0, X0; \
	SHA256RNDS2 X0, s1, s0

// NEXT is ROUNDS; it ends the four words of the schedule behind m, whose words before
// are prev.
#define NEXT(k, m, prev, next, t, s0, s1) \
	MOVO        m, X0;       \
	PADDD       k(AX), X0;   \
	SHA256RNDS2 X0, s0, s1;  \
	MOVO        m, t;        \
	PALIGNR     $4, prev, t; \
	PADDD       t, next;     \
	SHA256MSG2  m, next;     \
	PSHUFD      $0x0E, X0, X0; \
	SHA256RNDS2 X0, s1, s0

// The steps of a block, four rounds each. A is one lane and B the other: a step waits
// for the one before it, which leaves room for another's.
#define A00 ROUNDS(0x00, X3, X1, X2)
#define A01 ROUNDS(0x10, X4, X1, X2); SHA256MSG1 X4, X3
#define A02 ROUNDS(0x20, X5, X1, X2); SHA256MSG1 X5, X4
#define A03(k) NEXT(k, X6, X5, X3, X7, X1, X2)
#define A04(k) NEXT(k, X3, X6, X4, X7, X1, X2)
#define A05(k) NEXT(k, X4, X3, X5, X7, X1, X2)
#define A06(k) NEXT(k, X5, X4, X6, X7, X1, X2)
#define AM3 SHA256MSG1 X6, X5
#define AM4 SHA256MSG1 X3, X6
#define AM5 SHA256MSG1 X4, X3
#define AM6 SHA256MSG1 X5, X4
#define A15 ROUNDS(0xf0, X6, X1, X2)

#define B00 ROUNDS(0x00, X10, X8, X9)
#define B01 ROUNDS(0x10, X11, X8, X9); SHA256MSG1 X11, X10
#define B02 ROUNDS(0x20, X12, X8, X9); SHA256MSG1 X12, X11
#define B03(k) NEXT(k, X13, X12, X10, X14, X8, X9)
#define B04(k) NEXT(k, X10, X13, X11, X14, X8, X9)
#define B05(k) NEXT(k, X11, X10, X12, X14, X8, X9)
#define B06(k) NEXT(k, X12, X11, X13, X14, X8, X9)
#define BM3 SHA256MSG1 X13, X12
#define BM4 SHA256MSG1 X10, X13
#define BM5 SHA256MSG1 X11, X10
#define BM6 SHA256MSG1 X12, X11
#define B15 ROUNDS(0xf0, X13, X8, X9)

#define ONE \
	A00; A01; A02;                                                      \
	A03(0x30); AM3; A04(0x40); AM4; A05(0x50); AM5; A06(0x60); AM6;     \
	A03(0x70); AM3; A04(0x80); AM4; A05(0x90); AM5; A06(0xa0); AM6;     \
	A03(0xb0); AM3; A04(0xc0); AM4; A05(0xd0); A06(0xe0);               \
	A15

#define TWO \
	A00; B00; A01; B01; A02; B02;                                       \
	A03(0x30); AM3; B03(0x30); BM3; A04(0x40); AM4; B04(0x40); BM4;     \
	A05(0x50); AM5; B05(0x50); BM5; A06(0x60); AM6; B06(0x60); BM6;     \
	A03(0x70); AM3; B03(0x70); BM3; A04(0x80); AM4; B04(0x80); BM4;     \
	A05(0x90); AM5; B05(0x90); BM5; A06(0xa0); AM6; B06(0xa0); BM6;     \
	A03(0xb0); AM3; B03(0xb0); BM3; A04(0xc0); AM4; B04(0xc0); BM4;     \
	A05(0xd0); B05(0xd0); A06(0xe0); B06(0xe0);                         \
	A15; B15

// BEGIN sets a lane to the state at off of the key's.
#define BEGIN(off, s0, s1) \
	MOVOU off+0(SI), s0;   \
	MOVOU off+16(SI), s1

// FINISH adds that state (section 6.2.2, step 4).
#define FINISH(off, s0, s1) \
	MOVOU off+0(SI), X0;    \
	PADDD X0, s0;           \
	MOVOU off+16(SI), X0;   \
	PADDD X0, s1

#define LOAD(off, m0, m1, m2, m3) \
	MOVOU  off+0(DX), m0;  \
	MOVOU  off+16(DX), m1; \
	MOVOU  off+32(DX), m2; \
	MOVOU  off+48(DX), m3; \
	PSHUFB X15, m0;        \
	PSHUFB X15, m1;        \
	PSHUFB X15, m2;        \
	PSHUFB X15, m3

// SUM writes the words of a state in their order, the first half to m0.
#define SUM(s0, s1, m0, m1) \
	PSHUFD     $0x1B, s0, m0; \
	PSHUFD     $0x1B, s1, X0; \
	MOVO       m0, m1;        \
	PUNPCKLQDQ X0, m0;        \
	PUNPCKHQDQ X0, m1

// func haveLanes() bool
TEXT ·haveLanes(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	MOVL $0, AX
	CPUID
	CMPL AX, $7
	JLT  none
	MOVL $1, AX
	CPUID
	ANDL $0x200, CX // SSSE3
	JZ   none
	MOVL $7, AX
	MOVL $0, CX
	CPUID
	SHRL $29, BX    // SHA
	ANDL $1, BX
	MOVB BX, ret+0(FP)

none:
	RET

// func hmacLane(d *Digest, key *keyStates, block *[64]byte)
TEXT ·hmacLane(SB), NOSPLIT, $0-24
	MOVQ  d+0(FP), DI
	MOVQ  key+8(FP), SI
	MOVQ  block+16(FP), DX
	LEAQ  k256<>(SB), AX
	MOVOU flip<>(SB), X15
	BEGIN(0, X1, X2)
	LOAD(0, X3, X4, X5, X6)
	ONE
	FINISH(0, X1, X2)
	SUM(X1, X2, X3, X4)
	MOVOU padding<>+0(SB), X5
	MOVOU padding<>+16(SB), X6
	BEGIN(32, X1, X2)
	ONE
	FINISH(32, X1, X2)
	SUM(X1, X2, X3, X4)
	PSHUFB X15, X3
	MOVOU X3, (DI)
	RET

// func hmacLanes(d *[2]Digest, key *keyStates, blocks *[2][64]byte)
TEXT ·hmacLanes(SB), NOSPLIT, $0-24
	MOVQ  d+0(FP), DI
	MOVQ  key+8(FP), SI
	MOVQ  blocks+16(FP), DX
	LEAQ  k256<>(SB), AX
	MOVOU flip<>(SB), X15
	BEGIN(0, X1, X2)
	BEGIN(0, X8, X9)
	LOAD(0, X3, X4, X5, X6)
	LOAD(64, X10, X11, X12, X13)
	TWO
	FINISH(0, X1, X2)
	FINISH(0, X8, X9)
	SUM(X1, X2, X3, X4)
	SUM(X8, X9, X10, X11)
	MOVOU padding<>+0(SB), X5
	MOVOU padding<>+16(SB), X6
	MOVO  X5, X12
	MOVO  X6, X13
	BEGIN(32, X1, X2)
	BEGIN(32, X8, X9)
	TWO
	FINISH(32, X1, X2)
	FINISH(32, X8, X9)
	SUM(X1, X2, X3, X4)
	SUM(X8, X9, X10, X11)
	PSHUFB X15, X3
	PSHUFB X15, X10
	MOVOU X3, (DI)
	MOVOU X10, 16(DI)
	RET
