import KingletErrors
import KingletGGUF

/// What the choice of types asks of a model.
struct ModelFacts {
  let layerCount: Int
  /// Query heads that share a head of keys and values.
  let queryHeadsPerKeyHead: Int
  let expertCount: Int
  /// A Llama of 80 layers with shared key heads: its values are worth more bits.
  let isLargeLlama: Bool
  /// Whether the embedding is the head too.
  let isTied: Bool

  init(_ file: GGUFFile) throws(KingletError) {
    let metadata = file.metadata
    let architecture = try metadata.string("general.architecture") ?? ""
    func first(_ key: String) throws(KingletError) -> Int? {
      let key = "\(architecture).\(key)"
      if case .array = metadata[key] { return try metadata.integers(key)?.first }
      return try metadata.integer(key)
    }
    layerCount = try first("block_count") ?? 0
    let heads = try first("attention.head_count") ?? 0
    let keyHeads = try first("attention.head_count_kv") ?? heads
    queryHeadsPerKeyHead = keyHeads > 0 ? heads / keyHeads : 0
    expertCount = try first("expert_count") ?? 0
    isLargeLlama = architecture == "llama" && layerCount == 80 && heads != keyHeads
    isTied = file.tensor(named: "output.weight") == nil
  }
}
