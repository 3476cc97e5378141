import KingletErrors
import KingletGGUF
import KingletQuants

/// Chooses the type of each tensor, as llama.cpp's `llama_model_quantize` does: asked for the tensors in the order of
/// their layers, it gives more bits to some, by what they do and how far up they are.
struct TypeChooser {
  let fileType: FileType
  let facts: ModelFacts
  let hasImportance: Bool
  /// How many tensors hold the values of attention.
  let valueCount: Int
  private var nextValue = 0
  private var nextDown = 0

  init(_ fileType: FileType, facts: ModelFacts, tensors: [GGUFTensor], hasImportance: Bool) {
    self.fileType = fileType
    self.facts = facts
    self.hasImportance = hasImportance
    valueCount = tensors.count { TensorRole(name: $0.name) == .attentionValue }
  }

  /// The type for `tensor`, and the one it would have if its rows were whole blocks of that.
  mutating func choose(_ tensor: GGUFTensor) -> (type: QuantType, wanted: QuantType) {
    guard tensor.isQuantizable else { return (tensor.type, tensor.type) }
    guard fileType.weightType.blockSize > 1 else { return (fileType.weightType, fileType.weightType) }
    let wanted = preferred(tensor)
    return (wanted.fitting(columns: tensor.dimensions[0]), wanted)
  }

  private mutating func preferred(_ tensor: GGUFTensor) -> QuantType {
    switch TensorRole(name: tensor.name) {
    case .head: headType(columns: tensor.dimensions[0])
    case .embedding: facts.isTied ? headType(columns: tensor.dimensions[0]) : fileType.weightType
    case .attentionValue: valueType()
    case .attentionKey: facts.expertCount == 8 ? .q8_0 : fileType.weightType
    case .attentionOutput: attentionOutputType
    case .feedForwardDown: downType(tensor)
    case .other: fileType.weightType
    }
  }

  private func headType(columns: Int) -> QuantType {
    let type = fileType.weightType
    return columns % type.blockSize != 0 || type == .q8_0 ? .q8_0 : .q6_K
  }

  private mutating func valueType() -> QuantType {
    let index = nextValue
    nextValue += 1
    let isShared = facts.queryHeadsPerKeyHead >= 4
    if facts.expertCount == 8 { return .q8_0 }
    let type: QuantType =
      switch fileType {
      case .q2_K: isShared ? .q4_K : .q3_K
      case .q3_K_M: index < 2 ? .q5_K : .q4_K
      case .q3_K_L: .q5_K
      case .iq4_NL, .iq4_XS: isShared ? .q5_K : fileType.weightType
      case .q4_K_M, .q5_K_M: deservesMore(index, of: valueCount) ? .q6_K : fileType.weightType
      case .q4_K_S: index < 4 ? .q5_K : .q4_K
      default: fileType.weightType
      }
    return facts.isLargeLlama && (type == .q3_K || type == .q4_K) ? .q5_K : type
  }

  private mutating func downType(_ tensor: GGUFTensor) -> QuantType {
    // Experts may lie in any order: then the name tells the layer.
    let layer = facts.expertCount > 1 ? tensor.layer ?? nextDown : nextDown
    nextDown += 1
    let isEarly = layer < facts.layerCount / 8
    return switch fileType {
    case .q2_K: .q3_K
    case .q3_K_M: layer < facts.layerCount / 16 ? .q5_K : .q4_K
    case .q3_K_L: .q5_K
    case .q4_K_M, .q5_K_M: deservesMore(layer, of: facts.layerCount) ? .q6_K : fileType.weightType
    case .q4_K_S: isEarly ? .q5_K : .q4_K
    case .iq4_NL, .iq4_XS: isEarly && !hasImportance ? .q5_K : fileType.weightType
    // Weighed errors can make the first layers worse without a minimum.
    case .q4_0: isEarly && hasImportance ? .q4_1 : .q4_0
    case .q5_0: isEarly && hasImportance ? .q5_1 : .q5_0
    default: fileType.weightType
    }
  }

  private var attentionOutputType: QuantType {
    if facts.expertCount == 8 {
      let raised: [FileType] = [.q2_K, .q3_K_S, .q3_K_M, .q4_K_S, .q4_K_M, .iq4_NL, .iq4_XS]
      return raised.contains(fileType) ? .q5_K : fileType.weightType
    }
    return switch fileType {
    case .q2_K: .q3_K
    case .q3_K_M: .q4_K
    case .q3_K_L: .q5_K
    default: fileType.weightType
    }
  }

  /// The first and the last eighth of the layers, and each third of those between.
  private func deservesMore(_ layer: Int, of count: Int) -> Bool {
    layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2
  }
}

extension QuantType {
  /// This type, or the one that takes its place for rows that are no whole blocks of it.
  func fitting(columns: Int) -> QuantType {
    if columns % blockSize == 0 { return self }
    let smaller: QuantType =
      switch self {
      case .iq4_XS: .iq4_NL
      case .q2_K, .q3_K: .q4_0
      case .q4_K: .q5_0
      case .q5_K: .q5_1
      case .q6_K: .q8_0
      default: self
      }
    return columns % smaller.blockSize == 0 ? smaller : .f16
  }
}
