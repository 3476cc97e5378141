// Adapters: low-rank fine-tunings (LoRA) as others keep them, PEFT's and MLX's folders and GGUF files, read into one form.
// What a file says that Kinglet does not apply is refused by name: an adapter is never silently wrong.

import KingletErrors
import KingletTransformer

/// An adapter as its file has it, before it has met a model.
///
/// ```swift
/// let legal = try model.load(Adapter(contentsOf: "adapters/legal"))
/// let reply = try await model.generate(prompt: "Define tort.", options: .init(adapters: [legal.scaled(0.8)])).collect()
/// ```
public struct Adapter: Sendable {
  public enum Format: String, Sendable {
    /// `adapter_config.json` and `adapter_model.safetensors`.
    case peft
    /// `adapter_config.json` and `adapters.safetensors`.
    case mlx
    case gguf
  }

  public let path: String
  public let format: Format
  /// `general.architecture` of the base, where the file tells.
  public let architecture: String?
  /// One for each tensor that it changes, in the order of their names.
  public let updates: [AdapterUpdate]
  /// Tokens that switch it on (activated LoRA, Greenewald et al. 2025); empty where it is always on.
  public let invocation: [Int32]

  /// Reads a PEFT folder, an MLX folder or a GGUF file.
  ///
  /// - Throws: `.fileNotFound`, `.fileCorrupt`; `.unsupported`, naming the field or the tensor, for what would change the
  ///   result and is not applied; `.invalidArgument` for a scale with which results would not be finite.
  public init(contentsOf path: String) throws(KingletError) {
    self.path = path
    format = try AdapterSource(path).format
    let updates: [AdapterUpdate]
    switch format {
    case .peft:
      architecture = nil
      (updates, invocation) = try readPEFT(path)
    case .mlx: (architecture, updates, invocation) = (nil, try readMLX(path), [])
    case .gguf: (architecture, updates, invocation) = try readGGUF(path)
    }
    guard !updates.isEmpty else {
      throw KingletError(.fileCorrupt, "the adapter changes nothing", at: path, remedy: Remedy.saveAgain)
    }
    self.updates = updates.sorted { $0.tensor < $1.tensor }
    try check(strength: 1)
  }

  /// The same adapter with other updates.
  init(_ other: Adapter, updates: [AdapterUpdate]) {
    (path, format, architecture, invocation) = (other.path, other.format, other.architecture, other.invocation)
    self.updates = updates.sorted { $0.tensor < $1.tensor }
  }

  /// Whether it can be applied with a strength: 1 as it was trained.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor, for one that is no number or with which results would not be finite.
  public func check(strength: Float) throws(KingletError) {
    guard strength.isFinite else {
      throw KingletError(
        .invalidArgument, "the strength of an adapter is a finite number", at: path, remedy: "Choose another one.")
    }
    for update in updates {
      do throws(KingletError) { try update.check(strength: strength) } catch { throw error.located(in: path) }
    }
  }

  /// - Throws: `.invalidArgument`, naming both sides, when the adapter says that it is for another architecture.
  func check(architecture other: String) throws(KingletError) {
    guard let architecture, architecture != other else { return }
    throw KingletError(
      .invalidArgument, "the adapter is for the architecture \(architecture), the model is \(other)", at: path,
      remedy: "Use the adapter with the base model it was trained on.")
  }
}
