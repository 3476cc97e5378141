import KingletGGUF
import KingletTransformer

/// What a loaded model is, and what it takes.
public struct ModelDescription: Sendable, Equatable {
  /// The file it came from.
  public let path: String
  /// The name that the file gives itself.
  public let name: String?
  /// Such as `llama`.
  public let architecture: String
  /// Size of the file in bytes.
  public let byteCount: Int
  /// Numbers in all tensors.
  public let parameterCount: Int
  /// The type that most of the parameters are stored in, such as `Q4_K`.
  public let weightType: String
  public let vocabularySize: Int
  /// Positions that the model was trained for.
  public let trainedContextLength: Int
  /// Positions that each conversation may fill.
  public let contextLength: Int
  public let cacheType: KVType
  /// Bytes of keys and values that a full context takes; a shorter conversation takes less.
  public let cacheByteCount: Int
  /// Whether conversations are possible: the file, or the caller, has brought a chat template.
  public let hasChatTemplate: Bool
}

extension ModelDescription: CustomStringConvertible {
  public var description: String {
    """
    \(name ?? path): \(architecture), \(parameterCount / 1_000_000) M parameters, \(weightType); \
    context of \(contextLength) tokens (trained for \(trainedContextLength)), \
    \((cacheByteCount >> 20) + 1) MiB of keys and values (\(cacheType)) when full
    """
  }
}

extension ModelDescription {
  init(
    _ file: GGUFFile, _ decoder: Decoder, contextLength: Int, cacheType: KVType, hasChatTemplate: Bool
  ) throws(KingletError) {
    var counts: [String: Int] = [:]
    for tensor in file.tensors { counts[tensor.type.name, default: 0] += tensor.elementCount }
    path = file.path
    name = try file.metadata.string("general.name")
    architecture = decoder.description.architecture
    byteCount = file.byteCount
    parameterCount = counts.values.reduce(0, +)
    weightType = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? "none"
    vocabularySize = decoder.vocabularySize
    trainedContextLength = decoder.trainedContextLength
    self.contextLength = contextLength
    self.cacheType = cacheType
    cacheByteCount = decoder.cacheByteCount(capacity: contextLength, type: cacheType)
    self.hasChatTemplate = hasChatTemplate
  }
}
