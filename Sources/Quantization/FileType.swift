import KingletQuants

/// What a model file is quantised to: the type of most of its weights, and a rule for those that need more bits.
///
/// The numbers are those of the metadata key `general.file_type`; names and mixes are those of llama.cpp.
public enum FileType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case bf16 = 32
  case q8_0 = 7
  case q6_K = 18
  case q5_K_M = 17
  case q5_K_S = 16
  case q5_1 = 9
  case q5_0 = 8
  case q4_K_M = 15
  case q4_K_S = 14
  case q4_1 = 3
  case q4_0 = 2
  case iq4_NL = 25
  case iq4_XS = 30
  case q3_K_L = 13
  case q3_K_M = 12
  case q3_K_S = 11
  case q2_K = 10

  /// The customary name, such as "Q4_K_M".
  public var name: String { "\(self)".uppercased() }

  /// The type of that name in any case; "Q4_K" without a size is the medium one.
  public init?(name: String) {
    let name = name.uppercased()
    let medium = ["Q3_K", "Q4_K", "Q5_K"].contains(name) ? name + "_M" : name
    guard let type = Self.allCases.first(where: { $0.name == medium }) else { return nil }
    self = type
  }

  /// The type of weights for which there is no other rule.
  public var weightType: QuantType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .q8_0: .q8_0
    case .q6_K: .q6_K
    case .q5_K_M, .q5_K_S: .q5_K
    case .q5_1: .q5_1
    case .q5_0: .q5_0
    case .q4_K_M, .q4_K_S: .q4_K
    case .q4_1: .q4_1
    case .q4_0: .q4_0
    case .iq4_NL: .iq4_NL
    case .iq4_XS: .iq4_XS
    case .q3_K_L, .q3_K_M, .q3_K_S: .q3_K
    case .q2_K: .q2_K
    }
  }
}
