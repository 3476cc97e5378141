import KingletErrors
import KingletTensors

extension Decoder {
  /// Makes an adapter ready for this decoder.
  ///
  /// - Parameter invocation: Tokens that switch it on, if it is not always on.
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an update that does not fit the model.
  public func adapter(
    _ updates: [AdapterUpdate], invocation: [Int32] = []
  ) throws(KingletError) -> LoadedAdapter {
    let binding = AdapterBinding(
      layers: weights.blocks.map { block in
        let p = block.parameters
        return AdapterBinding.inputs(
          query: .init(matrix: block.query, bias: p.queryBias, heads: description.headCount),
          key: .init(matrix: block.key, bias: p.keyBias, heads: description.keyHeadCount),
          value: .init(matrix: block.value, bias: p.valueBias), output: .init(matrix: block.output),
          gate: .init(matrix: block.gate), up: .init(matrix: block.up), down: .init(matrix: block.down))
      },
      embedding: weights.embedding, head: weights.head, pairing: description.rotaryPairing, table: table,
      activations: options.compute.activations, owner: weightsIdentity)
    return try binding.bind(updates, invocation: invocation)
  }

  /// Whether the embedding is the head as well.
  public var isTied: Bool { weights.head === weights.embedding }

  /// The same for all decoders that share their weights.
  var weightsIdentity: ObjectIdentifier { ObjectIdentifier(weights.head) }
}
