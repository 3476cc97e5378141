import KingletErrors
import KingletGGUF
import KingletTensors

/// The metadata of a model under its architecture's prefix, with bounds on what is believed.
struct ModelMetadata {
  let architecture: String
  private let file: GGUFFile
  private var metadata: GGUFMetadata { file.metadata }

  init(architecture: String, file: GGUFFile) {
    self.architecture = architecture
    self.file = file
  }

  /// `<architecture>.<key>`, which must lie in `range`; `fallback` where the key is absent, an error without one.
  func integer(_ key: String, in range: ClosedRange<Int>, or fallback: Int? = nil) throws(KingletError) -> Int {
    let key = "\(architecture).\(key)"
    let value: Int
    if let found = try metadata.integer(key) {
      value = found
    } else if let fallback {
      value = fallback
    } else {
      value = try metadata.requiredInteger(key)
    }
    guard range.contains(value) else {
      throw KingletError(
        .fileCorrupt, "\(value) is outside \(range.lowerBound)…\(range.upperBound)", at: key)
    }
    return value
  }

  /// `<architecture>.<key>`, or nil where it is absent.
  func optionalInteger(_ key: String) throws(KingletError) -> Int? { try metadata.integer("\(architecture).\(key)") }

  /// `<architecture>.<key>`, which must be positive and finite.
  func positive(_ key: String, or fallback: Float? = nil) throws(KingletError) -> Float {
    let key = "\(architecture).\(key)"
    let value: Float
    if let found = try metadata.float(key) {
      value = found
    } else if let fallback {
      value = fallback
    } else {
      value = try metadata.requiredFloat(key)
    }
    guard value > 0, value.isFinite else { throw KingletError(.fileCorrupt, "\(value) is not positive", at: key) }
    return value
  }

  func string(_ key: String) throws(KingletError) -> String? { try metadata.string("\(architecture).\(key)") }
  func bool(_ key: String) throws(KingletError) -> Bool? { try metadata.bool("\(architecture).\(key)") }
  func bools(_ key: String) throws(KingletError) -> [Bool]? {
    let key = "\(architecture).\(key)"
    guard case .array = metadata[key] else { return nil }
    return try metadata.bools(key)
  }

  /// Rows of the embedding table.
  var vocabularySize: Int { file.tensor(named: "token_embd.weight")?.dimensions.last ?? 0 }

  /// Linear scaling factor of rotary positions, 1 without scaling.
  ///
  /// - Throws: `.unsupported` for any other kind of scaling.
  func linearScalingFactor() throws(KingletError) -> Float {
    switch try string("rope.scaling.type") ?? "none" {
    case "none": return 1
    case "linear": return try positive("rope.scaling.factor")
    case let kind:
      throw KingletError(
        .unsupported, "rotary scaling '\(kind)' is not supported", at: "\(architecture).rope.scaling.type")
    }
  }

  /// The description all architectures start from: sizes under the common keys, one rotation, full attention.
  func common(
    activation: Activation, pairing: RotaryPairing
  ) throws(KingletError) -> DecoderDescription {
    let hiddenSize = try integer("embedding_length", in: 1...1 << 16)
    let headCount = try integer("attention.head_count", in: 1...1024)
    let headSize = try integer("attention.key_length", in: 2...1024, or: hiddenSize / headCount)
    let valueSize = try integer("attention.value_length", in: 2...1024, or: headSize)
    let keyHeadCount = try integer("attention.head_count_kv", in: 1...1024, or: headCount)
    guard headCount % keyHeadCount == 0 else {
      throw KingletError(
        .fileCorrupt, "\(headCount) query heads cannot share \(keyHeadCount) key heads",
        at: "\(architecture).attention.head_count_kv")
    }
    guard valueSize == headSize else {
      throw KingletError(
        .unsupported, "values of \(valueSize) dimensions with keys of \(headSize) are not supported",
        at: "\(architecture).attention.value_length")
    }
    let rotated = try integer("rope.dimension_count", in: 2...headSize, or: headSize)
    guard rotated % 2 == 0 else {
      throw KingletError(
        .fileCorrupt, "\(rotated) dimensions cannot be rotated in pairs", at: "\(architecture).rope.dimension_count")
    }
    let layerCount = try integer("block_count", in: 1...512)
    return DecoderDescription(
      architecture: architecture,
      vocabularySize: vocabularySize,
      trainedContextLength: try integer("context_length", in: 1...1 << 24),
      hiddenSize: hiddenSize,
      feedForwardSize: try integer("feed_forward_length", in: 1...1 << 18),
      headCount: headCount,
      keyHeadCount: keyHeadCount,
      headSize: headSize,
      normEpsilon: try positive("attention.layer_norm_rms_epsilon"),
      activation: activation,
      rotaryPairing: pairing,
      rotations: [
        .init(
          base: Double(try positive("rope.freq_base", or: 10000)), dimensions: rotated,
          factor: try linearScalingFactor())
      ],
      layers: Array(repeating: .init(window: nil, rotation: 0), count: layerCount),
      attentionScale: 1 / Float(headSize).squareRoot())
  }
}
