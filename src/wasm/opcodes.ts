// Names and numbers of the WebAssembly instructions that kernels need, grouped by their immediates.
// Source: WebAssembly Core Specification 3.0, appendix "Index of Instructions". Instructions of the vector set stand
// behind the prefix 0xfd; their numbers follow it in LEB128.

/** Instructions without immediates: one byte. */
export const scalarOpcodes = {
  end: 0x0b,
  'i32.lt_s': 0x48,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.div_u': 0x6e,
  'i32.rem_u': 0x70,
  'i32.and': 0x71,
  'i32.shl': 0x74,
  'i32.shr_u': 0x76,
} as const;

/** Vector instructions without immediates. */
export const vectorOpcodes = {
  'i32x4.splat': 0x11,
  'i32x4.eq': 0x37,
  'i32x4.lt_s': 0x39,
  'i32x4.le_s': 0x3d,
  'f32x4.eq': 0x41,
  'f32x4.lt': 0x43,
  'f32x4.le': 0x45,
  'v128.and': 0x4e,
  'v128.or': 0x50,
  'v128.xor': 0x51,
  'v128.bitselect': 0x52,
  'v128.any_true': 0x53,
  'f32x4.floor': 0x68,
  'f32x4.nearest': 0x6a,
  'i32x4.shl': 0xab,
  'i32x4.shr_u': 0xad,
  'i32x4.add': 0xae,
  'i32x4.sub': 0xb1,
  'i32x4.mul': 0xb5,
  'i32x4.min_s': 0xb6,
  'i32x4.max_s': 0xb8,
  'f32x4.abs': 0xe0,
  'f32x4.neg': 0xe1,
  'f32x4.sqrt': 0xe3,
  'f32x4.add': 0xe4,
  'f32x4.sub': 0xe5,
  'f32x4.mul': 0xe6,
  'f32x4.div': 0xe7,
  'f32x4.pmin': 0xea,
  'f32x4.pmax': 0xeb,
  'i32x4.trunc_sat_f32x4_s': 0xf8,
  'f32x4.convert_i32x4_s': 0xfa,
  'f32x4.relaxed_madd': 0x105,
} as const;

/** Vector instructions with a memory operand. */
export const vectorMemoryOpcodes = {
  'v128.load': 0x00,
  'v128.load32_splat': 0x09,
  'v128.store': 0x0b,
  'v128.load32_zero': 0x5c,
} as const;

/** Vector instructions with a memory operand and a lane. */
export const laneMemoryOpcodes = {
  'v128.load32_lane': 0x56,
  'v128.store32_lane': 0x5a,
  'v128.store64_lane': 0x5b,
} as const;

/** Any instruction without immediates. */
export type PlainInstruction = keyof typeof scalarOpcodes | keyof typeof vectorOpcodes;
