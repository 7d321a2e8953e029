//! RISC-V's instructions: does one that faulted write to memory?
//!
//! The kernel knows (`scause`) and does not tell, so the instruction has to. The encodings are
//! from the RISC-V manual, volume I: the opcode map, and the chapters on the extensions
//! A, C and Zcb. A file of its own, so that it is tested on every processor.

/// May the instruction that begins with these 16-bit parcels write? The second parcel
/// counts only if the first one says that there is one. "No" is said of what is known to
/// read and do no more; all else, vendors' own instructions too, may write.
pub fn may_write(first: u16, second: u16) -> bool {
    if is_short(first) { !short_reads(first) } else { !long_reads(first, second) }
}

/// Is there no second parcel?
pub fn is_short(first: u16) -> bool {
    first & 3 != 3
}

fn short_reads(parcel: u16) -> bool {
    match (parcel & 3, parcel >> 13) {
        // c.fld, c.lw, c.ld; and c.fldsp, c.lwsp, c.ldsp.
        (0 | 2, 1..=3) => true,
        // Zcb: c.lbu; c.lhu and c.lh.
        (0, 4) => matches!((parcel >> 10) & 7, 0 | 1),
        _ => false,
    }
}

fn long_reads(first: u16, second: u16) -> bool {
    match first & 0x7f {
        // LOAD, and LOAD-FP with the vector loads.
        0x03 | 0x07 => true,
        // AMO: of these only lr reads and does no more.
        0x2f => second >> 11 == 0b00010,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(instruction: u32) -> bool {
        may_write(instruction as u16, (instruction >> 16) as u16)
    }

    /// As GNU as encodes them.
    #[test]
    fn long_ones() {
        let reads: [u32; 12] = [
            0x0005_0583, // lb a1, 0(a0)
            0x0005_1583, // lh a1, 0(a0)
            0x0005_2583, // lw a1, 0(a0)
            0x0085_3583, // ld a1, 8(a0)
            0x0005_4583, // lbu a1, 0(a0)
            0x0005_6583, // lwu a1, 0(a0)
            0x0005_2507, // flw fa0, 0(a0)
            0x0005_3507, // fld fa0, 0(a0)
            0x0205_7007, // vle64.v v0, (a0)
            0x1005_25af, // lr.w a1, (a0)
            0x1005_35af, // lr.d a1, (a0)
            0x1605_35af, // lr.d.aqrl a1, (a0)
        ];
        for i in reads {
            assert!(!writes(i), "{i:#x}");
        }
        let writers: [u32; 13] = [
            0x00b5_0023, // sb a1, 0(a0)
            0x00b5_1023, // sh a1, 0(a0)
            0x00b5_2023, // sw a1, 0(a0)
            0x00b5_3423, // sd a1, 8(a0)
            0x00a5_2027, // fsw fa0, 0(a0)
            0x00a5_3027, // fsd fa0, 0(a0)
            0x0205_7027, // vse64.v v0, (a0)
            0x18b5_362f, // sc.d a2, a1, (a0)
            0x00b5_362f, // amoadd.d a2, a1, (a0)
            0x08b5_362f, // amoswap.d a2, a1, (a0)
            0x40b5_362f, // amoor.d a2, a1, (a0)
            0x0045_200f, // cbo.zero (a0)
            0x0000_000b, // a vendor's
        ];
        for i in writers {
            assert!(writes(i), "{i:#x}");
        }
    }

    #[test]
    fn short_ones() {
        let reads: [u16; 9] = [
            0x2108, // c.fld fa0, 0(a0)
            0x410c, // c.lw a1, 0(a0)
            0x610c, // c.ld a1, 0(a0)
            0x2502, // c.fldsp fa0, 0(sp)
            0x4502, // c.lwsp a0, 0(sp)
            0x6502, // c.ldsp a0, 0(sp)
            0x810c, // c.lbu a1, 0(a0)
            0x850c, // c.lhu a1, 0(a0)
            0x854c, // c.lh a1, 0(a0)
        ];
        for i in reads {
            assert!(!may_write(i, 0xffff), "{i:#x}");
        }
        let writers: [u16; 9] = [
            0xa108, // c.fsd fa0, 0(a0)
            0xc10c, // c.sw a1, 0(a0)
            0xe10c, // c.sd a1, 0(a0)
            0xa02a, // c.fsdsp fa0, 0(sp)
            0xc02a, // c.swsp a0, 0(sp)
            0xe02a, // c.sdsp a0, 0(sp)
            0x890c, // c.sb a1, 0(a0)
            0x8d0c, // c.sh a1, 0(a0)
            0x0001, // c.nop, which does not fault
        ];
        for i in writers {
            assert!(may_write(i, 0x1005), "{i:#x}");
        }
    }

    /// The second parcel of a short one belongs to what comes next.
    #[test]
    fn lengths() {
        assert!(is_short(0x410c) && !is_short(0x3503) && !is_short(0xffff));
    }
}
