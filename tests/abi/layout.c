/* layout.c -- sizes, offsets, types and constants of the interface
 *
 * Compiles if they are right, under every standard and for 32 and 64 bits on
 * systems whose word is unsigned long.  Nothing here runs.
 */

#include <stdarg.h>
#include <stddef.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscmv2.h"
#include "mpscsnc.h"
#include "mpslib.h"
#include "mpsio.h"
#include "mpstd.h"
#include "mpsx.h"

/* The value for 64 bits and the one for 32. */
#define BITS(a, b) (sizeof(void *) == 8 ? (a) : (b))

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define IS(cond) typedef char PASTE(is_, __LINE__)[(cond) ? 1 : -1];
#define SIZE(type, size) IS(sizeof(type) == (size))
#define ALIGN(type, align) \
  struct PASTE(align_, __LINE__) { char c; type t; }; \
  IS(offsetof(struct PASTE(align_, __LINE__), t) == (align))
#define FIELD(type, field, offset, size) \
  IS(offsetof(struct type, field) == (offset) \
     && sizeof(((struct type *)0)->field) == (size))

/* Two declarations of one object must have one type. */
#define SAME(type, other) \
  extern type PASTE(same_, __LINE__); \
  extern other PASTE(same_, __LINE__);
#define SAME_FUN(type, ret, params) \
  extern type PASTE(same_, __LINE__); \
  extern ret (*PASTE(same_, __LINE__)) params;

#ifdef __cplusplus
extern "C" {
#endif

/* --- constants --- */

IS((MPS_RES_OK) == 0)
IS((MPS_RES_FAIL) == 1)
IS((MPS_RES_RESOURCE) == 2)
IS((MPS_RES_MEMORY) == 3)
IS((MPS_RES_LIMIT) == 4)
IS((MPS_RES_UNIMPL) == 5)
IS((MPS_RES_IO) == 6)
IS((MPS_RES_COMMIT_LIMIT) == 7)
IS((MPS_RES_PARAM) == 8)
IS((_mps_MPS_RES_LIMIT) == 9)
IS((_mps_MESSAGE_TYPE_FINALIZATION) == 0)
IS((_mps_MESSAGE_TYPE_GC) == 1)
IS((_mps_MESSAGE_TYPE_GC_START) == 2)
IS((mps_message_type_finalization()) == 0)
IS((mps_message_type_gc()) == 1)
IS((mps_message_type_gc_start()) == 2)
IS((MPS_RM_CONST) == 1)
IS((MPS_RM_PROT) == 2)
IS((MPS_RM_PROT_INNER) == 4)
IS((MPS_ARGS_MAX) == 32)
IS((MPS_SAC_CLASS_LIMIT) == 8)
IS((MPS_WORD_WIDTH) == BITS(64, 32))
IS((MPS_WORD_SHIFT) == BITS(6, 5))
#if !defined(_WIN32)
IS(MPS_PF_ALIGN == BITS(8, 4))
#endif
IS((sizeof(MPS_T_WORD)) == BITS(8, 4))
IS((sizeof(MPS_T_ULONGEST)) == BITS(8, 4))
SAME(MPS_T_WORD, unsigned long)
SAME(MPS_T_ULONGEST, unsigned long)

/* --- structures --- */


SIZE(struct mps_scan_tag_s, BITS(16, 8))
ALIGN(struct mps_scan_tag_s, BITS(8, 4))
SAME(mps_scan_tag_s, struct mps_scan_tag_s)
FIELD(mps_scan_tag_s, mask, 0, BITS(8, 4))
FIELD(mps_scan_tag_s, pattern, BITS(8, 4), BITS(8, 4))

SIZE(struct mps_arg_s, BITS(16, 12))
ALIGN(struct mps_arg_s, BITS(8, 4))
SAME(mps_arg_s, struct mps_arg_s)
FIELD(mps_arg_s, key, 0, BITS(8, 4))
FIELD(mps_arg_s, val, BITS(8, 4), 8)
FIELD(mps_arg_s, val.b, BITS(8, 4), 4)
FIELD(mps_arg_s, val.c, BITS(8, 4), 1)
FIELD(mps_arg_s, val.string, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.i, BITS(8, 4), 4)
FIELD(mps_arg_s, val.u, BITS(8, 4), 4)
FIELD(mps_arg_s, val.l, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.ul, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.f, BITS(8, 4), 4)
FIELD(mps_arg_s, val.d, BITS(8, 4), 8)
FIELD(mps_arg_s, val.size, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.fun, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.addr, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.format, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.chain, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.pool_debug_options, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.addr_method, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.align, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.count, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.p, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.rank, BITS(8, 4), 4)
FIELD(mps_arg_s, val.fmt_scan, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.fmt_skip, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.fmt_fwd, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.fmt_isfwd, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.fmt_pad, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.fmt_class, BITS(8, 4), BITS(8, 4))
FIELD(mps_arg_s, val.pool, BITS(8, 4), BITS(8, 4))

SIZE(struct mps_ap_s, BITS(24, 12))
ALIGN(struct mps_ap_s, BITS(8, 4))
SAME(mps_ap_s, struct mps_ap_s)
FIELD(mps_ap_s, init, 0, BITS(8, 4))
FIELD(mps_ap_s, alloc, BITS(8, 4), BITS(8, 4))
FIELD(mps_ap_s, limit, BITS(16, 8), BITS(8, 4))

SIZE(struct _mps_sac_freelist_block_s, BITS(32, 16))
ALIGN(struct _mps_sac_freelist_block_s, BITS(8, 4))
FIELD(_mps_sac_freelist_block_s, _size, 0, BITS(8, 4))
FIELD(_mps_sac_freelist_block_s, _count, BITS(8, 4), BITS(8, 4))
FIELD(_mps_sac_freelist_block_s, _count_max, BITS(16, 8), BITS(8, 4))
FIELD(_mps_sac_freelist_block_s, _blocks, BITS(24, 12), BITS(8, 4))

SIZE(struct _mps_sac_s, BITS(528, 264))
ALIGN(struct _mps_sac_s, BITS(8, 4))
FIELD(_mps_sac_s, _middle, 0, BITS(8, 4))
FIELD(_mps_sac_s, _trapped, BITS(8, 4), 4)
FIELD(_mps_sac_s, _freelists, BITS(16, 8), BITS(512, 256))
FIELD(_mps_sac_s, _freelists[0], BITS(16, 8), BITS(32, 16))
FIELD(_mps_sac_s, _freelists[1], BITS(48, 24), BITS(32, 16))
FIELD(_mps_sac_s, _freelists[15], BITS(496, 248), BITS(32, 16))

SIZE(struct mps_sac_class_s, BITS(24, 12))
ALIGN(struct mps_sac_class_s, BITS(8, 4))
SAME(mps_sac_class_s, struct mps_sac_class_s)
FIELD(mps_sac_class_s, mps_block_size, 0, BITS(8, 4))
FIELD(mps_sac_class_s, mps_cached_count, BITS(8, 4), BITS(8, 4))
FIELD(mps_sac_class_s, mps_frequency, BITS(16, 8), 4)

SIZE(struct mps_ld_s, BITS(16, 8))
ALIGN(struct mps_ld_s, BITS(8, 4))
SAME(mps_ld_s, struct mps_ld_s)
FIELD(mps_ld_s, _epoch, 0, BITS(8, 4))
FIELD(mps_ld_s, _rs, BITS(8, 4), BITS(8, 4))

SIZE(struct mps_ss_s, BITS(24, 12))
ALIGN(struct mps_ss_s, BITS(8, 4))
SAME(mps_ss_s, struct mps_ss_s)
FIELD(mps_ss_s, _zs, 0, BITS(8, 4))
FIELD(mps_ss_s, _w, BITS(8, 4), BITS(8, 4))
FIELD(mps_ss_s, _ufs, BITS(16, 8), BITS(8, 4))

SIZE(struct mps_fmt_A_s, BITS(56, 28))
ALIGN(struct mps_fmt_A_s, BITS(8, 4))
SAME(mps_fmt_A_s, struct mps_fmt_A_s)
FIELD(mps_fmt_A_s, align, 0, BITS(8, 4))
FIELD(mps_fmt_A_s, scan, BITS(8, 4), BITS(8, 4))
FIELD(mps_fmt_A_s, skip, BITS(16, 8), BITS(8, 4))
FIELD(mps_fmt_A_s, copy, BITS(24, 12), BITS(8, 4))
FIELD(mps_fmt_A_s, fwd, BITS(32, 16), BITS(8, 4))
FIELD(mps_fmt_A_s, isfwd, BITS(40, 20), BITS(8, 4))
FIELD(mps_fmt_A_s, pad, BITS(48, 24), BITS(8, 4))

SIZE(struct mps_fmt_B_s, BITS(64, 32))
ALIGN(struct mps_fmt_B_s, BITS(8, 4))
SAME(mps_fmt_B_s, struct mps_fmt_B_s)
FIELD(mps_fmt_B_s, align, 0, BITS(8, 4))
FIELD(mps_fmt_B_s, scan, BITS(8, 4), BITS(8, 4))
FIELD(mps_fmt_B_s, skip, BITS(16, 8), BITS(8, 4))
FIELD(mps_fmt_B_s, copy, BITS(24, 12), BITS(8, 4))
FIELD(mps_fmt_B_s, fwd, BITS(32, 16), BITS(8, 4))
FIELD(mps_fmt_B_s, isfwd, BITS(40, 20), BITS(8, 4))
FIELD(mps_fmt_B_s, pad, BITS(48, 24), BITS(8, 4))
FIELD(mps_fmt_B_s, mps_class, BITS(56, 28), BITS(8, 4))

SIZE(struct mps_fmt_auto_header_s, BITS(56, 28))
ALIGN(struct mps_fmt_auto_header_s, BITS(8, 4))
SAME(mps_fmt_auto_header_s, struct mps_fmt_auto_header_s)
FIELD(mps_fmt_auto_header_s, align, 0, BITS(8, 4))
FIELD(mps_fmt_auto_header_s, scan, BITS(8, 4), BITS(8, 4))
FIELD(mps_fmt_auto_header_s, skip, BITS(16, 8), BITS(8, 4))
FIELD(mps_fmt_auto_header_s, fwd, BITS(24, 12), BITS(8, 4))
FIELD(mps_fmt_auto_header_s, isfwd, BITS(32, 16), BITS(8, 4))
FIELD(mps_fmt_auto_header_s, pad, BITS(40, 20), BITS(8, 4))
FIELD(mps_fmt_auto_header_s, mps_headerSize, BITS(48, 24), BITS(8, 4))

SIZE(struct mps_fmt_fixed_s, BITS(40, 20))
ALIGN(struct mps_fmt_fixed_s, BITS(8, 4))
SAME(mps_fmt_fixed_s, struct mps_fmt_fixed_s)
FIELD(mps_fmt_fixed_s, align, 0, BITS(8, 4))
FIELD(mps_fmt_fixed_s, scan, BITS(8, 4), BITS(8, 4))
FIELD(mps_fmt_fixed_s, fwd, BITS(16, 8), BITS(8, 4))
FIELD(mps_fmt_fixed_s, isfwd, BITS(24, 12), BITS(8, 4))
FIELD(mps_fmt_fixed_s, pad, BITS(32, 16), BITS(8, 4))

SIZE(struct mps_gen_param_s, BITS(16, 12))
ALIGN(struct mps_gen_param_s, BITS(8, 4))
SAME(mps_gen_param_s, struct mps_gen_param_s)
FIELD(mps_gen_param_s, mps_capacity, 0, BITS(8, 4))
FIELD(mps_gen_param_s, mps_mortality, BITS(8, 4), 8)

SIZE(struct mps_pool_debug_option_s, BITS(32, 16))
ALIGN(struct mps_pool_debug_option_s, BITS(8, 4))
SAME(mps_pool_debug_option_s, struct mps_pool_debug_option_s)
FIELD(mps_pool_debug_option_s, fence_template, 0, BITS(8, 4))
FIELD(mps_pool_debug_option_s, fence_size, BITS(8, 4), BITS(8, 4))
FIELD(mps_pool_debug_option_s, free_template, BITS(16, 8), BITS(8, 4))
FIELD(mps_pool_debug_option_s, free_size, BITS(24, 12), BITS(8, 4))

/* --- types --- */

SIZE(mps_word_t, BITS(8, 4))
SAME(mps_word_t, unsigned long)
SIZE(mps_bool_t, 4)
SAME(mps_bool_t, int)
SIZE(mps_res_t, 4)
SAME(mps_res_t, int)
SIZE(mps_addr_t, BITS(8, 4))
SAME(mps_addr_t, void *)
SIZE(mps_align_t, BITS(8, 4))
SAME(mps_align_t, size_t)
SIZE(mps_rm_t, 4)
SAME(mps_rm_t, unsigned)
SIZE(mps_rank_t, 4)
SAME(mps_rank_t, unsigned)
SIZE(mps_message_type_t, 4)
SAME(mps_message_type_t, unsigned)
SIZE(mps_clock_t, BITS(8, 4))
SAME(mps_clock_t, mps_word_t)
SIZE(mps_label_t, BITS(8, 4))
SAME(mps_label_t, mps_word_t)
SIZE(mps_arena_t, BITS(8, 4))
SAME(mps_arena_t, struct mps_arena_s *)
SIZE(mps_arena_class_t, BITS(8, 4))
SAME(mps_arena_class_t, struct mps_arena_class_s *)
SIZE(mps_pool_t, BITS(8, 4))
SAME(mps_pool_t, struct mps_pool_s *)
SIZE(mps_chain_t, BITS(8, 4))
SAME(mps_chain_t, struct mps_chain_s *)
SIZE(mps_fmt_t, BITS(8, 4))
SAME(mps_fmt_t, struct mps_fmt_s *)
SIZE(mps_root_t, BITS(8, 4))
SAME(mps_root_t, struct mps_root_s *)
SIZE(mps_pool_class_t, BITS(8, 4))
SAME(mps_pool_class_t, struct mps_pool_class_s *)
SIZE(mps_class_t, BITS(8, 4))
SAME(mps_class_t, mps_pool_class_t)
SIZE(mps_thr_t, BITS(8, 4))
SAME(mps_thr_t, struct mps_thr_s *)
SIZE(mps_ap_t, BITS(8, 4))
SAME(mps_ap_t, struct mps_ap_s *)
SIZE(mps_ld_t, BITS(8, 4))
SAME(mps_ld_t, struct mps_ld_s *)
SIZE(mps_ss_t, BITS(8, 4))
SAME(mps_ss_t, struct mps_ss_s *)
SIZE(mps_message_t, BITS(8, 4))
SAME(mps_message_t, struct mps_message_s *)
SIZE(mps_alloc_pattern_t, BITS(8, 4))
SAME(mps_alloc_pattern_t, struct mps_alloc_pattern_s *)
SIZE(mps_frame_t, BITS(8, 4))
SAME(mps_frame_t, struct mps_frame_s *)
SIZE(mps_key_t, BITS(8, 4))
SAME(mps_key_t, const struct mps_key_s *)
SIZE(mps_scan_tag_t, BITS(8, 4))
SAME(mps_scan_tag_t, struct mps_scan_tag_s *)
SIZE(mps_sac_t, BITS(8, 4))
SAME(mps_sac_t, struct _mps_sac_s *)
SIZE(mps_fmt_A_t, BITS(8, 4))
SAME(mps_fmt_A_t, struct mps_fmt_A_s *)
SIZE(mps_fmt_B_t, BITS(8, 4))
SAME(mps_fmt_B_t, struct mps_fmt_B_s *)
SIZE(mps_transform_t, BITS(8, 4))
SAME(mps_transform_t, struct mps_transform_s *)
SIZE(mps_io_t, BITS(8, 4))
SAME(mps_io_t, struct mps_io_s *)
SIZE(mps_fun_t, BITS(8, 4))
SAME_FUN(mps_fun_t, void, (void))
SIZE(mps_root_scan_t, BITS(8, 4))
SAME_FUN(mps_root_scan_t, mps_res_t, (mps_ss_t, void *, size_t))
SIZE(mps_area_scan_t, BITS(8, 4))
SAME_FUN(mps_area_scan_t, mps_res_t, (mps_ss_t, void *, void *, void *))
SIZE(mps_fmt_scan_t, BITS(8, 4))
SAME_FUN(mps_fmt_scan_t, mps_res_t, (mps_ss_t, mps_addr_t, mps_addr_t))
SIZE(mps_reg_scan_t, BITS(8, 4))
SAME_FUN(mps_reg_scan_t, mps_res_t, (mps_ss_t, mps_thr_t, void *, size_t))
SIZE(mps_fmt_skip_t, BITS(8, 4))
SAME_FUN(mps_fmt_skip_t, mps_addr_t, (mps_addr_t))
SIZE(mps_fmt_copy_t, BITS(8, 4))
SAME_FUN(mps_fmt_copy_t, void, (mps_addr_t, mps_addr_t))
SIZE(mps_fmt_fwd_t, BITS(8, 4))
SAME_FUN(mps_fmt_fwd_t, void, (mps_addr_t, mps_addr_t))
SIZE(mps_fmt_isfwd_t, BITS(8, 4))
SAME_FUN(mps_fmt_isfwd_t, mps_addr_t, (mps_addr_t))
SIZE(mps_fmt_pad_t, BITS(8, 4))
SAME_FUN(mps_fmt_pad_t, void, (mps_addr_t, size_t))
SIZE(mps_fmt_class_t, BITS(8, 4))
SAME_FUN(mps_fmt_class_t, mps_addr_t, (mps_addr_t))
SIZE(mps_arena_extended_t, BITS(8, 4))
SAME_FUN(mps_arena_extended_t, void, (mps_arena_t, void *, size_t))
SIZE(mps_arena_contracted_t, BITS(8, 4))
SAME_FUN(mps_arena_contracted_t, void, (mps_arena_t, void *, size_t))
SIZE(mps_formatted_objects_stepper_t, BITS(8, 4))
SAME_FUN(mps_formatted_objects_stepper_t, void, (mps_addr_t, mps_fmt_t, mps_pool_t, void *, size_t))
SIZE(mps_roots_stepper_t, BITS(8, 4))
SAME_FUN(mps_roots_stepper_t, void, (mps_addr_t *, mps_root_t, void *, size_t))
SIZE(mps_amc_apply_stepper_t, BITS(8, 4))
SAME_FUN(mps_amc_apply_stepper_t, void, (mps_addr_t, void *, size_t))
SIZE(mps_awl_find_dependent_t, BITS(8, 4))
SAME_FUN(mps_awl_find_dependent_t, mps_addr_t, (mps_addr_t))
SIZE(mps_lib_assert_fail_t, BITS(8, 4))
SAME_FUN(mps_lib_assert_fail_t, void, (const char *, unsigned, const char *))
SAME(mps_lib_FILE *, struct mps_lib_stream_s *)

/* --- functions: declared again --- */

extern void (_mps_args_set_key)(mps_arg_s *, unsigned, mps_key_t);
extern mps_rank_t (mps_rank_ambig)(void);
extern mps_rank_t (mps_rank_exact)(void);
extern mps_rank_t (mps_rank_weak)(void);
extern void (mps_arena_clamp)(mps_arena_t);
extern void (mps_arena_release)(mps_arena_t);
extern void (mps_arena_park)(mps_arena_t);
extern void (mps_arena_postmortem)(mps_arena_t);
extern mps_res_t (mps_arena_start_collect)(mps_arena_t);
extern mps_res_t (mps_arena_collect)(mps_arena_t);
extern mps_bool_t (mps_arena_step)(mps_arena_t, double, double);
extern mps_res_t (mps_arena_create)(mps_arena_t *, mps_arena_class_t, ...);
extern mps_res_t (mps_arena_create_v)(mps_arena_t *, mps_arena_class_t, va_list);
extern mps_res_t (mps_arena_create_k)(mps_arena_t *, mps_arena_class_t, mps_arg_s *);
extern void (mps_arena_destroy)(mps_arena_t);
extern size_t (mps_arena_reserved)(mps_arena_t);
extern size_t (mps_arena_committed)(mps_arena_t);
extern size_t (mps_arena_spare_committed)(mps_arena_t);
extern size_t (mps_arena_commit_limit)(mps_arena_t);
extern mps_res_t (mps_arena_commit_limit_set)(mps_arena_t, size_t);
extern double (mps_arena_spare)(mps_arena_t);
extern void (mps_arena_spare_set)(mps_arena_t, double);
extern void (mps_arena_spare_commit_limit_set)(mps_arena_t, size_t);
extern size_t (mps_arena_spare_commit_limit)(mps_arena_t);
extern double (mps_arena_pause_time)(mps_arena_t);
extern void (mps_arena_pause_time_set)(mps_arena_t, double);
extern mps_bool_t (mps_arena_busy)(mps_arena_t);
extern mps_bool_t (mps_arena_has_addr)(mps_arena_t, mps_addr_t);
extern mps_bool_t (mps_addr_pool)(mps_pool_t *, mps_arena_t, mps_addr_t);
extern mps_bool_t (mps_addr_fmt)(mps_fmt_t *, mps_arena_t, mps_addr_t);
extern mps_res_t (mps_arena_extend)(mps_arena_t, mps_addr_t, size_t);
extern mps_res_t (mps_fmt_create_k)(mps_fmt_t *, mps_arena_t, mps_arg_s *);
extern mps_res_t (mps_fmt_create_A)(mps_fmt_t *, mps_arena_t, mps_fmt_A_s *);
extern mps_res_t (mps_fmt_create_B)(mps_fmt_t *, mps_arena_t, mps_fmt_B_s *);
extern mps_res_t (mps_fmt_create_auto_header)(mps_fmt_t *, mps_arena_t, mps_fmt_auto_header_s *);
extern mps_res_t (mps_fmt_create_fixed)(mps_fmt_t *, mps_arena_t, mps_fmt_fixed_s *);
extern void (mps_fmt_destroy)(mps_fmt_t);
extern mps_res_t (mps_pool_create)(mps_pool_t *, mps_arena_t, mps_pool_class_t, ...);
extern mps_res_t (mps_pool_create_v)(mps_pool_t *, mps_arena_t, mps_pool_class_t, va_list);
extern mps_res_t (mps_pool_create_k)(mps_pool_t *, mps_arena_t, mps_pool_class_t, mps_arg_s *);
extern void (mps_pool_destroy)(mps_pool_t);
extern size_t (mps_pool_total_size)(mps_pool_t);
extern size_t (mps_pool_free_size)(mps_pool_t);
extern mps_res_t (mps_pool_walk)(mps_pool_t, mps_area_scan_t, void *);
extern mps_res_t (mps_chain_create)(mps_chain_t *, mps_arena_t, size_t, mps_gen_param_s *);
extern void (mps_chain_destroy)(mps_chain_t);
extern mps_res_t (mps_alloc)(mps_addr_t *, mps_pool_t, size_t);
extern void (mps_free)(mps_pool_t, mps_addr_t, size_t);
extern mps_res_t (mps_ap_create)(mps_ap_t *, mps_pool_t, ...);
extern mps_res_t (mps_ap_create_v)(mps_ap_t *, mps_pool_t, va_list);
extern mps_res_t (mps_ap_create_k)(mps_ap_t *, mps_pool_t, mps_arg_s *);
extern void (mps_ap_destroy)(mps_ap_t);
extern mps_res_t (mps_reserve)(mps_addr_t *, mps_ap_t, size_t);
extern mps_bool_t (mps_commit)(mps_ap_t, mps_addr_t, size_t);
extern mps_res_t (mps_ap_fill)(mps_addr_t *, mps_ap_t, size_t);
extern mps_res_t (mps_ap_frame_push)(mps_frame_t *, mps_ap_t);
extern mps_res_t (mps_ap_frame_pop)(mps_ap_t, mps_frame_t);
extern mps_bool_t (mps_ap_trip)(mps_ap_t, mps_addr_t, size_t);
extern mps_alloc_pattern_t (mps_alloc_pattern_ramp)(void);
extern mps_alloc_pattern_t (mps_alloc_pattern_ramp_collect_all)(void);
extern mps_res_t (mps_ap_alloc_pattern_begin)(mps_ap_t, mps_alloc_pattern_t);
extern mps_res_t (mps_ap_alloc_pattern_end)(mps_ap_t, mps_alloc_pattern_t);
extern mps_res_t (mps_ap_alloc_pattern_reset)(mps_ap_t);
extern mps_res_t (mps_sac_create)(mps_sac_t *, mps_pool_t, size_t, mps_sac_classes_s *);
extern void (mps_sac_destroy)(mps_sac_t);
extern mps_res_t (mps_sac_alloc)(mps_addr_t *, mps_sac_t, size_t, mps_bool_t);
extern void (mps_sac_free)(mps_sac_t, mps_addr_t, size_t);
extern void (mps_sac_flush)(mps_sac_t);
extern mps_res_t (mps_sac_fill)(mps_addr_t *, mps_sac_t, size_t, mps_bool_t);
extern void (mps_sac_empty)(mps_sac_t, mps_addr_t, size_t);
extern mps_res_t (mps_root_create)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, mps_root_scan_t, void *, size_t);
extern mps_res_t (mps_root_create_table)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, mps_addr_t *, size_t);
extern mps_res_t (mps_root_create_table_masked)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, mps_addr_t *, size_t, mps_word_t);
extern mps_res_t (mps_root_create_area)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, void *, void *, mps_area_scan_t, void *);
extern mps_res_t (mps_root_create_area_tagged)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, void *, void *, mps_area_scan_t, mps_word_t, mps_word_t);
extern mps_res_t (mps_root_create_fmt)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, mps_fmt_scan_t, mps_addr_t, mps_addr_t);
extern mps_res_t (mps_root_create_reg)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, mps_thr_t, mps_reg_scan_t, void *, size_t);
extern mps_res_t (mps_root_create_thread)(mps_root_t *, mps_arena_t, mps_thr_t, void *);
extern mps_res_t (mps_root_create_thread_scanned)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, mps_thr_t, mps_area_scan_t, void *, void *);
extern mps_res_t (mps_root_create_thread_tagged)(mps_root_t *, mps_arena_t, mps_rank_t, mps_rm_t, mps_thr_t, mps_area_scan_t, mps_word_t, mps_word_t, void *);
extern void (mps_root_destroy)(mps_root_t);
extern mps_res_t (mps_stack_scan_ambig)(mps_ss_t, mps_thr_t, void *, size_t);
extern mps_res_t (mps_thread_reg)(mps_thr_t *, mps_arena_t);
extern void (mps_thread_dereg)(mps_thr_t);
extern void (mps_ld_reset)(mps_ld_t, mps_arena_t);
extern void (mps_ld_add)(mps_ld_t, mps_arena_t, mps_addr_t);
extern void (mps_ld_merge)(mps_ld_t, mps_arena_t, mps_ld_t);
extern mps_bool_t (mps_ld_isstale)(mps_ld_t, mps_arena_t, mps_addr_t);
extern mps_bool_t (mps_ld_isstale_any)(mps_ld_t, mps_arena_t);
extern mps_word_t (mps_collections)(mps_arena_t);
extern void (mps_message_type_enable)(mps_arena_t, mps_message_type_t);
extern void (mps_message_type_disable)(mps_arena_t, mps_message_type_t);
extern mps_bool_t (mps_message_poll)(mps_arena_t);
extern mps_bool_t (mps_message_queue_type)(mps_message_type_t *, mps_arena_t);
extern mps_bool_t (mps_message_get)(mps_message_t *, mps_arena_t, mps_message_type_t);
extern void (mps_message_discard)(mps_arena_t, mps_message_t);
extern mps_message_type_t (mps_message_type)(mps_arena_t, mps_message_t);
extern mps_clock_t (mps_message_clock)(mps_arena_t, mps_message_t);
extern void (mps_message_finalization_ref)(mps_addr_t *, mps_arena_t, mps_message_t);
extern size_t (mps_message_gc_live_size)(mps_arena_t, mps_message_t);
extern size_t (mps_message_gc_condemned_size)(mps_arena_t, mps_message_t);
extern size_t (mps_message_gc_not_condemned_size)(mps_arena_t, mps_message_t);
extern const char * (mps_message_gc_start_why)(mps_arena_t, mps_message_t);
extern mps_res_t (mps_finalize)(mps_arena_t, mps_addr_t *);
extern mps_res_t (mps_definalize)(mps_arena_t, mps_addr_t *);
extern void (mps_telemetry_set)(mps_word_t);
extern void (mps_telemetry_reset)(mps_word_t);
extern mps_word_t (mps_telemetry_get)(void);
extern mps_label_t (mps_telemetry_intern)(const char *);
extern void (mps_telemetry_label)(mps_addr_t, mps_label_t);
extern void (mps_telemetry_flush)(void);
extern void (mps_arena_formatted_objects_walk)(mps_arena_t, mps_formatted_objects_stepper_t, void *, size_t);
extern void (mps_arena_roots_walk)(mps_arena_t, mps_roots_stepper_t, void *, size_t);
extern void (mps_pool_check_fenceposts)(mps_pool_t);
extern void (mps_pool_check_free_space)(mps_pool_t);
extern mps_res_t (mps_scan_area)(mps_ss_t, void *, void *, void *);
extern mps_res_t (mps_scan_area_masked)(mps_ss_t, void *, void *, void *);
extern mps_res_t (mps_scan_area_tagged)(mps_ss_t, void *, void *, void *);
extern mps_res_t (mps_scan_area_tagged_or_zero)(mps_ss_t, void *, void *, void *);
extern mps_res_t (_mps_fix2)(mps_ss_t, mps_addr_t *);
extern mps_res_t (mps_addr_object)(mps_addr_t *, mps_arena_t, mps_addr_t);
extern mps_res_t (mps_transform_create)(mps_transform_t *, mps_arena_t);
extern mps_res_t (mps_transform_add_oldnew)(mps_transform_t, mps_addr_t *, mps_addr_t *, size_t);
extern mps_res_t (mps_transform_apply)(mps_bool_t *, mps_transform_t);
extern void (mps_transform_destroy)(mps_transform_t);
extern mps_arena_class_t (mps_arena_class_vm)(void);
extern mps_res_t (mps_arena_vm_growth)(mps_arena_t, size_t, size_t);
extern mps_arena_class_t (mps_arena_class_cl)(void);
extern mps_pool_class_t (mps_class_amc)(void);
extern mps_pool_class_t (mps_class_amcz)(void);
extern void (mps_amc_apply)(mps_pool_t, mps_amc_apply_stepper_t, void *, size_t);
extern mps_pool_class_t (mps_class_ams)(void);
extern mps_pool_class_t (mps_class_ams_debug)(void);
extern mps_pool_class_t (mps_class_awl)(void);
extern mps_pool_class_t (mps_class_lo)(void);
extern mps_pool_class_t (mps_class_mfs)(void);
extern mps_pool_class_t (mps_class_mvff)(void);
extern mps_pool_class_t (mps_class_mvff_debug)(void);
extern mps_pool_class_t (mps_class_mvt)(void);
extern mps_pool_class_t (mps_class_snc)(void);
extern int (mps_lib_get_EOF)(void);
extern mps_lib_FILE * (mps_lib_get_stderr)(void);
extern mps_lib_FILE * (mps_lib_get_stdout)(void);
extern int (mps_lib_fputc)(int, mps_lib_FILE *);
extern int (mps_lib_fputs)(const char *, mps_lib_FILE *);
extern void (mps_lib_assert_fail)(const char *, unsigned, const char *);
extern mps_lib_assert_fail_t (mps_lib_assert_fail_install)(mps_lib_assert_fail_t);
extern void * (mps_lib_memset)(void *, int, size_t);
extern void * (mps_lib_memcpy)(void *, const void *, size_t);
extern int (mps_lib_memcmp)(const void *, const void *, size_t);
extern mps_clock_t (mps_clock)(void);
extern mps_clock_t (mps_clocks_per_sec)(void);
extern unsigned long (mps_lib_telemetry_control)(void);
extern mps_res_t (mps_io_create)(mps_io_t *);
extern void (mps_io_destroy)(mps_io_t);
extern mps_res_t (mps_io_write)(mps_io_t, void *, size_t);
extern mps_res_t (mps_io_flush)(mps_io_t);
extern size_t (mps_x_arena_pause_time_us)(mps_arena_t);
extern void (mps_x_arena_pause_time_us_set)(mps_arena_t, size_t);
extern size_t (mps_x_arena_spare_permille)(mps_arena_t);
extern void (mps_x_arena_spare_permille_set)(mps_arena_t, size_t);
extern mps_bool_t (mps_x_arena_step_us)(mps_arena_t, size_t, size_t);
extern size_t (mps_x_arena_utilisation_permille)(mps_arena_t);
extern void (mps_x_arena_utilisation_permille_set)(mps_arena_t, size_t);
extern void (mps_x_barrier_hit)(mps_arena_t, const volatile void *, unsigned);
extern void (mps_x_blocking_begin)(mps_thr_t);
extern void (mps_x_blocking_end)(mps_thr_t);
extern mps_res_t (mps_x_expose_begin)(mps_arena_t, void *, void *);
extern void (mps_x_expose_end)(mps_arena_t, void *, void *);
extern mps_res_t (mps_x_fiber_create)(mps_x_fiber_t *, mps_arena_t, void *, void *);
extern void (mps_x_fiber_destroy)(mps_x_fiber_t);
extern void (mps_x_fiber_switch)(mps_thr_t, mps_x_fiber_t, void (*)(void *), void *);
extern mps_res_t (mps_x_finalize_all)(mps_arena_t);
extern size_t (mps_x_messages_get)(mps_arena_t, mps_message_type_t, size_t, mps_message_t *);
extern mps_res_t (mps_x_root_create_stack)(mps_root_t *, mps_arena_t, mps_thr_t);
extern mps_res_t (mps_x_stats)(mps_arena_t, mps_x_stats_s *);
extern mps_res_t (mps_x_thread_signals)(int, int);

/* --- keys: address constants with a value field --- */

extern const mps_key_t layout_keys[];
const mps_key_t layout_keys[] = {
  MPS_KEY_ARGS_END,
  MPS_KEY_ARENA_SIZE,
  MPS_KEY_ARENA_CL_BASE,
  MPS_KEY_ARENA_GRAIN_SIZE,
  MPS_KEY_ARENA_ZONED,
  MPS_KEY_ARENA_EXTENDED,
  MPS_KEY_ARENA_CONTRACTED,
  MPS_KEY_COMMIT_LIMIT,
  MPS_KEY_SPARE,
  MPS_KEY_SPARE_COMMIT_LIMIT,
  MPS_KEY_PAUSE_TIME,
  MPS_KEY_VMW3_TOP_DOWN,
  MPS_KEY_FORMAT,
  MPS_KEY_CHAIN,
  MPS_KEY_GEN,
  MPS_KEY_INTERIOR,
  MPS_KEY_EXTEND_BY,
  MPS_KEY_LARGE_SIZE,
  MPS_KEY_MIN_SIZE,
  MPS_KEY_MEAN_SIZE,
  MPS_KEY_MAX_SIZE,
  MPS_KEY_ALIGN,
  MPS_KEY_MFS_UNIT_SIZE,
  MPS_KEY_MVFF_ARENA_HIGH,
  MPS_KEY_MVFF_SLOT_HIGH,
  MPS_KEY_MVFF_FIRST_FIT,
  MPS_KEY_MVT_RESERVE_DEPTH,
  MPS_KEY_MVT_FRAG_LIMIT,
  MPS_KEY_AMS_SUPPORT_AMBIGUOUS,
  MPS_KEY_AWL_FIND_DEPENDENT,
  MPS_KEY_POOL_DEBUG_OPTIONS,
  MPS_KEY_RANK,
  MPS_KEY_AP_HASH_ARRAYS,
  MPS_KEY_FMT_ALIGN,
  MPS_KEY_FMT_HEADER_SIZE,
  MPS_KEY_FMT_SCAN,
  MPS_KEY_FMT_SKIP,
  MPS_KEY_FMT_FWD,
  MPS_KEY_FMT_ISFWD,
  MPS_KEY_FMT_PAD,
  MPS_KEY_FMT_CLASS
};
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_ARENA_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_ARENA_CL_BASE_FIELD) == sizeof(mps_addr_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_ARENA_GRAIN_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_ARENA_ZONED_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_ARENA_EXTENDED_FIELD) == sizeof(mps_fun_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_ARENA_CONTRACTED_FIELD) == sizeof(mps_fun_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_COMMIT_LIMIT_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_SPARE_FIELD) == sizeof(double))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_SPARE_COMMIT_LIMIT_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_PAUSE_TIME_FIELD) == sizeof(double))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_VMW3_TOP_DOWN_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FORMAT_FIELD) == sizeof(mps_fmt_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_CHAIN_FIELD) == sizeof(mps_chain_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_GEN_FIELD) == sizeof(unsigned))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_INTERIOR_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_EXTEND_BY_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_LARGE_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MIN_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MEAN_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MAX_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_ALIGN_FIELD) == sizeof(mps_align_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MFS_UNIT_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MVFF_ARENA_HIGH_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MVFF_SLOT_HIGH_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MVFF_FIRST_FIT_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MVT_RESERVE_DEPTH_FIELD) == sizeof(mps_word_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_MVT_FRAG_LIMIT_FIELD) == sizeof(double))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_AMS_SUPPORT_AMBIGUOUS_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_AWL_FIND_DEPENDENT_FIELD) == sizeof(mps_addr_t (*)(mps_addr_t)))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_POOL_DEBUG_OPTIONS_FIELD) == sizeof(mps_pool_debug_option_s *))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_RANK_FIELD) == sizeof(mps_rank_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_AP_HASH_ARRAYS_FIELD) == sizeof(mps_bool_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_ALIGN_FIELD) == sizeof(mps_align_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_HEADER_SIZE_FIELD) == sizeof(size_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_SCAN_FIELD) == sizeof(mps_fmt_scan_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_SKIP_FIELD) == sizeof(mps_fmt_skip_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_FWD_FIELD) == sizeof(mps_fmt_fwd_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_ISFWD_FIELD) == sizeof(mps_fmt_isfwd_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_PAD_FIELD) == sizeof(mps_fmt_pad_t))
IS(sizeof(((mps_arg_s *)0)->val.MPS_KEY_FMT_CLASS_FIELD) == sizeof(mps_fmt_class_t))

/* --- the extensions --- */

SIZE(mps_x_stats_s, 22 * sizeof(mps_word_t) + 48)
FIELD(mps_x_stats_s, collections_late, 20 * sizeof(mps_word_t) + 48, sizeof(mps_word_t))
FIELD(mps_x_stats_s, busiest_20ms_us, 21 * sizeof(mps_word_t) + 48, sizeof(mps_word_t))
FIELD(mps_x_stats_s, longest_step_us, 14 * sizeof(mps_word_t) + 48, sizeof(mps_word_t))
FIELD(mps_x_stats_s, pause_max_us, 19 * sizeof(mps_word_t) + 48, sizeof(mps_word_t))
SIZE(mps_x_barrier_s, 4 * sizeof(size_t))
FIELD(mps_x_barrier_s, units, sizeof(size_t), sizeof(size_t))
FIELD(mps_x_barrier_s, denied, 2 * sizeof(size_t), sizeof(size_t))
FIELD(mps_x_barrier_s, shift, 3 * sizeof(size_t), 4)
FIELD(mps_x_stats_s, pauses, 12 * sizeof(mps_word_t) + 8, sizeof(mps_word_t))
FIELD(mps_x_stats_s, pause_max_seconds, 14 * sizeof(mps_word_t) + 40, 8)
FIELD(mps_x_stats_s, struct_size, 0, sizeof(size_t))
FIELD(mps_x_stats_s, longest_step_seconds, 12 * sizeof(mps_word_t), 8)

#ifdef __cplusplus
}
#endif
