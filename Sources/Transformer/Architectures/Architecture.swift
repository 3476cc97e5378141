import KingletErrors
import KingletGGUF

/// The architectures Kinglet runs, by the name in `general.architecture`.
enum Architecture {
  static let descriptions: [String: @Sendable (ModelMetadata) throws(KingletError) -> DecoderDescription] = [
    "llama": Llama.describe,
    "qwen2": Qwen2.describe,
    "gemma3": Gemma3.describe,
  ]

  static func describe(_ file: GGUFFile) throws(KingletError) -> DecoderDescription {
    let name = try file.metadata.requiredString("general.architecture")
    guard let describe = descriptions[name] else {
      throw KingletError(
        .unsupported, "the architecture '\(name)' is not supported", at: "general.architecture",
        remedy: "Kinglet runs: \(descriptions.keys.sorted().joined(separator: ", ")).")
    }
    return try describe(ModelMetadata(architecture: name, file: file))
  }
}
