import KingletQuants
import KingletSafetensors

/// How the weights of a converted model are stored.
///
/// Vectors, such as norms and biases, and the small tables of positions and sentence kinds stay in F32 whatever the type
/// is, as engines expect.
public enum WeightType: String, Sendable, CaseIterable {
  case f32
  case f16
  case bf16
  case q8_0

  /// The number of the type for whole files (`general.file_type`).
  var fileType: UInt32 {
    switch self {
    case .f32: 0
    case .f16: 1
    case .bf16: 32
    case .q8_0: 7
    }
  }

  /// The type of a tensor of this name and shape (PyTorch's order).
  func type(ofTensor name: String, shape: [Int]) -> QuantType {
    let staysWhole = shape.count == 1 || ["position_embd.weight", "token_types.weight"].contains(name)
    guard !staysWhole, let rowLength = shape.last else { return .f32 }
    return switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    // Rows that are no whole blocks keep half precision.
    case .q8_0: rowLength % QuantType.q8_0.blockSize == 0 ? .q8_0 : .f16
    }
  }

  /// The type that loses nothing of `tensors`: theirs, where they are of one type.
  init(keeping tensors: [SafetensorsTensor]) {
    switch Set(tensors.map(\.type).filter(\.isFloat)) {
    case [.f16]: self = .f16
    case [.bf16]: self = .bf16
    default: self = .f32
    }
  }
}
