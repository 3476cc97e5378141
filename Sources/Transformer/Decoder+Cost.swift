import KingletTensors

/// What a forward pass cannot do without: to be compared with what the machine can do.
public struct PassCost: Sendable, Equatable {
  /// Bytes of weights, packed: once for each chunk of tokens.
  public let weightByteCount: Int
  /// Multiplications and additions in products with weights.
  public let matmulOperationCount: Int
  /// Bytes of keys and values that are seen: by each token, though neighbours may share the reading.
  public let cacheByteCount: Int
}

extension Decoder {
  /// The matrices that each chunk of tokens is multiplied with, in this order.
  public var layerMatrices: [PackedMatrix] { weights.blocks.flatMap(\.matrices) }
  /// The matrix that makes logits.
  public var headMatrix: PackedMatrix { weights.head }

  /// The cost of `count` tokens after `position` others, with logits of the last one only.
  public func cost(of count: Int, after position: Int = 0, cacheType: KVType = .f16) -> PassCost {
    var (bytes, operations) = (weights.head.byteCount, weights.head.operationCount)
    let chunks = (count + Self.chunkLength - 1) / Self.chunkLength
    for matrix in layerMatrices {
      bytes += chunks * matrix.byteCount
      operations += count * matrix.operationCount
    }
    let layers = KVCache(description, capacity: position + count, type: cacheType).layers
    let seen = (position..<position + count).reduce(0) { sum, position in
      layers.reduce(sum) { $0 + $1.byteCountSeen(from: position) }
    }
    return PassCost(weightByteCount: bytes, matmulOperationCount: operations, cacheByteCount: seen)
  }
}

extension DecoderBlock.Weights {
  fileprivate var matrices: [PackedMatrix] { [query, key, value, output, gate, up, down] }
}

extension PackedMatrix {
  /// Multiplications and additions in its product with one token.
  fileprivate var operationCount: Int { 2 * rows * columns }
}
