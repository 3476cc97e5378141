import KingletErrors
import KingletFiles
import KingletGGUF

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What `config.json` says of rotary positions: the base and how positions are scaled.
///
/// Version 5 of transformers has all of it under `rope_parameters`, once for each kind of layer where kinds differ;
/// before, there were `rope_theta` and `rope_scaling`.
struct RotaryConfig {
  /// The base of the frequencies.
  let base: Float
  private let scaling: JSONValue?
  private let config: HuggingFaceConfig
  private static let scalingKeys = ["rope_parameters", "rope_scaling"]

  /// - Parameters:
  ///   - layers: The kind of layers, `full_attention` or `sliding_attention`, where there are several.
  ///   - baseKeys: Where older versions keep the base.
  ///   - isScaled: Whether the scaling of older versions, which they keep once, is meant for these layers.
  ///   - defaultBase: What the model's class takes without any.
  init(
    _ config: HuggingFaceConfig, layers: String? = nil, baseKeys: [String] = ["rope_theta"], isScaled: Bool = true,
    defaultBase: Float = 10000
  ) throws(KingletError) {
    self.config = config
    let parameters = config["rope_parameters"]
    let mine = layers.flatMap { parameters?[$0] } ?? parameters
    if let theta = mine?["rope_theta"]?.number {
      guard theta > 0, theta < 1e30 else { throw config.wrong(["rope_parameters"], "no positive base") }
      base = Float(theta)
    } else {
      base = try config.positive(baseKeys) ?? defaultBase
    }
    scaling = mine ?? (isScaled ? config["rope_scaling"] : nil)
  }

  private var kind: String { (scaling?["rope_type"] ?? scaling?["type"])?.string ?? "default" }

  /// The metadata of scaled positions.
  ///
  /// - Throws: `.unsupported` for kinds that the engine does not run.
  func scalingMetadata() throws(KingletError) -> Metadata {
    switch kind {
    case "default", "llama3": return []
    case "linear":
      return [
        ("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float32(Float(try number("factor")))),
      ]
    default:
      throw config.unsupported(Self.scalingKeys, "rotary scaling \(quoted(kind)) is not supported")
    }
  }

  /// What Llama 3.1 divides each of its frequencies by (`rope_freqs.weight`), or nil for other models.
  ///
  /// Long waves are stretched by `factor`, short ones are left alone, and those between go over smoothly.
  ///
  /// - Parameter headSize: The values of a head, of which every two make a wave.
  func frequencyFactors(headSize: Int) throws(KingletError) -> [Float]? {
    guard kind == "llama3" else { return nil }
    let factor = try number("factor")
    let low = try number("low_freq_factor")
    let high = try number("high_freq_factor")
    let context = try number("original_max_position_embeddings")
    guard high > low else {
      throw config.wrong(Self.scalingKeys, "without a high_freq_factor above its low_freq_factor")
    }
    return stride(from: 0, to: headSize, by: 2).map { index in
      // Rounded where transformers, which computes in single precision, rounds too.
      let frequency = Double(1 / Float(pow(Double(base), Double(Float(index) / Float(headSize)))))
      let waves = context * frequency / (2 * Double.pi)
      if waves > high { return 1 }
      if waves < low { return Float(factor) }
      let share = (waves - low) / (high - low)
      return Float(1 / ((1 - share) / factor + share))
    }
  }

  private func number(_ key: String) throws(KingletError) -> Double {
    guard let value = scaling?[key]?.number, value > 0, value < 1e9 else {
      throw config.wrong(Self.scalingKeys, "without a positive \(key)")
    }
    return value
  }
}
