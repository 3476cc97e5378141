import KingletQuants

/// A type of numbers, with the name that safetensors files use for it. All are little-endian.
public enum SafetensorsType: String, Sendable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"

  /// Bytes that a value takes.
  public var byteCount: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .i8, .u8, .bool: 1
    }
  }

  /// Whether values are fractions.
  public var isFloat: Bool { [.f64, .f32, .f16, .bf16].contains(self) }

  /// The same layout among the types of GGUF, or nil for unsigned numbers and truth values, which it has not.
  public var quantType: QuantType? {
    switch self {
    case .f64: .f64
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .i64: .i64
    case .i32: .i32
    case .i16: .i16
    case .i8: .i8
    case .u64, .u32, .u16, .u8, .bool: nil
    }
  }
}
