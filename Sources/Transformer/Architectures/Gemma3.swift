import KingletErrors

/// Gemma 3 (Gemma Team 2025), text part.
///
/// Five layers with a sliding window and a rotary base of their own follow each other, then one that sees everything;
/// queries and keys are normalised; norms stand before and after each half of a block. Norm weights come from the
/// converter with 1 added.
enum Gemma3 {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> DecoderDescription {
    var description = try metadata.common(activation: .geluTanh, pairing: .halves)
    description.embeddingScale = Float(description.hiddenSize).squareRoot()
    description.queryKeyNorm = .required
    description.postNorms = .required
    // The 27B model alone scales by the width per head, 168, instead of the head size; no key says so.
    if description.layers.count == 62 {
      description.attentionScale = 1 / Float(description.hiddenSize / description.headCount).squareRoot()
    }

    let window = try metadata.integer("attention.sliding_window", in: 1...1 << 24)
    description.rotations.append(
      .init(
        base: Double(try metadata.positive("rope.freq_base_swa", or: 10000)),
        dimensions: description.rotations[0].dimensions))
    let slides = try slidingLayers(metadata, count: description.layers.count)
    for (index, slides) in slides.enumerated() where slides {
      description.layers[index] = .init(window: window, rotation: 1)
    }
    return description
  }

  /// Every sixth layer is full, unless the file says otherwise (a period, or one flag for each layer).
  private static func slidingLayers(_ metadata: ModelMetadata, count: Int) throws(KingletError) -> [Bool] {
    let key = "attention.sliding_window_pattern"
    if let flags = try metadata.bools(key) {
      guard flags.count == count else {
        throw KingletError(.fileCorrupt, "\(flags.count) flags for \(count) layers", at: "gemma3.\(key)")
      }
      return flags
    }
    let period = try metadata.integer(key, in: 1...512, or: 6)
    return (0..<count).map { ($0 + 1) % period != 0 }
  }
}
