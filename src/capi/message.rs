//! Messages.

use super::{Handle, need};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::mpm::Mpm;
use crate::mpm::message::{GcMessage, gc_message};
use crate::object::message::{Message, MessageType};
use core::ffi::c_char;

/// The kind that a client's number stands for, or an assertion.
fn kind_of(code: u32) -> Option<MessageType> {
    let k = MessageType::from_code(code);
    crate::aver_client!(k.is_some(), "message type is valid", None);
    k
}

/// A message that the client has.
fn taken(message: Handle) -> Option<P<Message>> {
    let m = need!(message_of(message), "message is valid", None);
    crate::aver_client!(m.taken.get(), "message was taken from the queue", None);
    Some(m)
}

/// A message of a kind that the client has.
fn taken_gc(message: Handle, kind: MessageType) -> Option<P<GcMessage>> {
    let m = taken(message)?;
    crate::aver_client!(m.kind == kind, "message is of the type that its accessor is for", None);
    gc_message(m)
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_type_enable(arena: Handle, kind: u32) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let Some(k) = kind_of(kind) else { return };
    Mpm::enter(m, |m| m.message_enable(k));
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_type_disable(arena: Handle, kind: u32) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let Some(k) = kind_of(kind) else { return };
    Mpm::enter(m, |m| m.message_disable(k));
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_poll(arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    Mpm::enter(m, |m| m.messages.first().is_some() as i32)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_message_queue_type(kind_o: *mut u32, arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(!kind_o.is_null(), "type_o is not null", 0);
    let first = Mpm::enter(m, |m| m.messages.first());
    // SAFETY: not null, the client's.
    first.map(|k| unsafe { kind_o.write(k as u32) }).is_some() as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_message_get(message_o: *mut Handle, arena: Handle, kind: u32) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(!message_o.is_null(), "message_o is not null", 0);
    let Some(k) = kind_of(kind) else { return 0 };
    let got = Mpm::enter(m, |m| m.messages.take(k));
    // SAFETY: not null, the client's.
    got.map(|g| unsafe { message_o.write(g.as_ptr().cast()) }).is_some() as i32
}

#[cfg(feature = "runtime")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_messages_get(
    arena: Handle,
    kind: u32,
    n: usize,
    messages_o: *mut Addr,
) -> usize {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(n == 0 || !messages_o.is_null(), "messages_o is not null", 0);
    let Some(k) = kind_of(kind) else { return 0 };
    Mpm::enter(m, |m| {
        let mut got = 0;
        while got < n {
            let Some(g) = m.messages.take(k) else { break };
            // SAFETY: the client's array of n, and got is less; by `poke`, because it may
            // be in managed memory.
            unsafe { m.poke(messages_o.add(got), g.addr()) };
            got += 1;
        }
        got
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_discard(arena: Handle, message: Handle) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let Some(g) = taken(message) else { return };
    Mpm::enter(m, |m| {
        // SAFETY: the client has it, and says that it is done with it.
        unsafe { m.message_discard(g) }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_type(arena: Handle, message: Handle) -> u32 {
    need!(mpm_of(arena), "arena is valid", 0);
    taken(message).map_or(0, |g| g.kind as u32)
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_clock(arena: Handle, message: Handle) -> usize {
    need!(mpm_of(arena), "arena is valid", 0);
    taken(message).and_then(gc_message).map_or(0, |g| g.clock.get())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_message_finalization_ref(
    ref_o: *mut Addr,
    arena: Handle,
    message: Handle,
) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    crate::aver_client!(!ref_o.is_null(), "ref_o is not null", ());
    let Some(g) = taken(message) else { return };
    crate::aver_client!(
        g.kind == MessageType::Finalization,
        "message is of the type that its accessor is for",
        ()
    );
    // SAFETY: not null, the client's.
    Mpm::enter(m, |m| unsafe { m.message_ref(g, ref_o) });
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_gc_live_size(arena: Handle, message: Handle) -> Size {
    need!(mpm_of(arena), "arena is valid", 0);
    taken_gc(message, MessageType::Gc).map_or(0, |g| g.live.get())
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_gc_condemned_size(arena: Handle, message: Handle) -> Size {
    need!(mpm_of(arena), "arena is valid", 0);
    taken_gc(message, MessageType::Gc).map_or(0, |g| g.condemned.get())
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_gc_not_condemned_size(arena: Handle, message: Handle) -> Size {
    need!(mpm_of(arena), "arena is valid", 0);
    taken_gc(message, MessageType::Gc).map_or(0, |g| g.not_condemned.get())
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_message_gc_start_why(arena: Handle, message: Handle) -> *const c_char {
    need!(mpm_of(arena), "arena is valid", c"".as_ptr());
    taken_gc(message, MessageType::GcStart).map_or(c"".as_ptr(), |g| g.why.get().as_ptr().cast())
}
