import KingletErrors
import KingletGGUF
import KingletKernels
import KingletTensors

/// A model as adapters see it: matrices by the names of their tensors.
struct AdapterBinding {
  /// A matrix of a layer, and the bias of its products.
  struct Adaptable {
    let matrix: PackedMatrix
    var bias: FloatVector?
    /// Heads whose rows are rotated, of queries and keys.
    var heads: Int?
  }

  /// The matrices that are multiplied by one input.
  struct Input {
    let matrices: [String: Adaptable]
    /// Where the changes go.
    let place: WritableKeyPath<LoadedAdapter.Layer, LowRankUpdate?>
  }

  let layers: [[Input]]
  let embedding: PackedMatrix
  /// Nil for models that write nothing.
  let head: PackedMatrix?
  let pairing: RotaryPairing
  let table: KernelTable
  let activations: ComputeOptions.ActivationType
  let owner: ObjectIdentifier

  /// The inputs of a layer.
  static func inputs(
    query: Adaptable, key: Adaptable, value: Adaptable, output: Adaptable, gate: Adaptable?, up: Adaptable,
    down: Adaptable
  ) -> [Input] {
    var feedForward = ["ffn_up": up]
    feedForward["ffn_gate"] = gate
    return [
      Input(matrices: ["attn_q": query, "attn_k": key, "attn_v": value], place: \.attention),
      Input(matrices: ["attn_output": output], place: \.output),
      Input(matrices: feedForward, place: \.feedForward),
      Input(matrices: ["ffn_down": down], place: \.down),
    ]
  }

  /// Makes an adapter ready.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an update that does not fit the model.
  func bind(_ updates: [AdapterUpdate], invocation: [Int32]) throws(KingletError) -> LoadedAdapter {
    var factors = layers.map { $0.map { _ in [LowRankUpdate.Factors]() } }
    var head: LoadedAdapter.Change<LowRankUpdate>?
    var embedding: LoadedAdapter.Change<EmbeddingUpdate>?
    for update in updates {
      switch update.tensor {
      case "output": head = try self.head(update)
      case "token_embd": embedding = try self.embedding(update)
      default:
        let separated = try update.separated { tensor in
          (try? find(tensor)).map { (rows: $0.target.matrix.rows, columns: $0.target.matrix.columns) }
        }
        var parts: [LowRankUpdate.Factors.Part] = []
        for own in separated { parts.append(try part(own, of: find(own.tensor).target)) }
        let (layer, input, _) = try find(separated[0].tensor)
        factors[layer][input].append(.init(a: update.a, rank: update.rank, scale: update.scale, parts: parts))
      }
    }
    let memory = FactorMemory()
    var adapted = layers.map { _ in LoadedAdapter.Layer() }
    for layer in layers.indices {
      for (input, own) in zip(layers[layer], factors[layer]) {
        guard let columns = own.first?.parts.first?.matrix.columns else { continue }
        adapted[layer][keyPath: input.place] = try LowRankUpdate(
          own, columns: columns, precision: precision(own), in: memory)
      }
    }
    return LoadedAdapter(
      layers: adapted, head: head, embedding: embedding, invocation: invocation,
      changeBound: updates.map(\.changeBound).max() ?? 0, owner: owner)
  }

  private func find(_ tensor: String) throws(KingletError) -> (layer: Int, input: Int, target: Adaptable) {
    let parts = tensor.split(separator: ".").map(String.init)
    let unknown = KingletError(.unsupported, "the adapter changes a tensor that Kinglet does not adapt", at: tensor)
    guard parts.count == 3, parts[0] == "blk", let layer = Int(parts[1]) else { throw unknown }
    guard layers.indices.contains(layer) else {
      throw KingletError(
        .invalidArgument, "the adapter has a layer \(layer), the model has \(layers.count) layers", at: tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
    for (index, input) in layers[layer].enumerated() {
      if let target = input.matrices[parts[2]] { return (layer, index, target) }
    }
    throw unknown
  }

  private func part(_ u: AdapterUpdate, of target: Adaptable) throws(KingletError) -> LowRankUpdate.Factors.Part {
    let matrix = target.matrix
    guard u.replacement == nil else {
      throw KingletError(
        .unsupported, "a matrix of a layer that was saved as a whole is not applied", at: u.tensor,
        remedy: "Merge the adapter into its base, or train the matrix by LoRA.")
    }
    try u.check(rows: matrix.rows, columns: matrix.columns)
    let own = u.arranged(.stored, heads: pairing == .adjacent ? target.heads : nil)
    return LowRankUpdate.Factors.Part(
      matrix, b: own.b, rowFactors: try rowFactors(own, matrix),
      biasChange: own.bias.map { new in
        guard let old = target.bias?.values else { return new }
        return zip(new, old).map { $0 - $1 }
      })
  }

  /// Halves where products are approximate already, by 8-bit activations and far more than halves add to it: reading factors
  /// is what an adapter costs.
  private func precision(_ factors: [LowRankUpdate.Factors]) -> FactorPrecision {
    let isExact = activations == .f32 || factors.contains { $0.parts.contains { !$0.matrix.isQuantized } }
    return isExact ? .single : .half
  }

  private func head(_ u: AdapterUpdate) throws(KingletError) -> LoadedAdapter.Change<LowRankUpdate> {
    guard let head else {
      throw KingletError(.unsupported, "the adapter changes a head that the model does not have", at: u.tensor)
    }
    if let values = u.replacement { return .replacement(try replacement(values, of: head, u)) }
    try checkBase(u, head)
    let part = try part(u, of: Adaptable(matrix: head))
    let factors = LowRankUpdate.Factors(a: u.a, rank: u.rank, scale: u.scale, parts: [part])
    return .update(
      try LowRankUpdate([factors], columns: head.columns, precision: precision([factors]), in: FactorMemory()))
  }

  private func embedding(_ u: AdapterUpdate) throws(KingletError) -> LoadedAdapter.Change<EmbeddingUpdate> {
    if let values = u.replacement { return .replacement(try replacement(values, of: embedding, u)) }
    try u.check(rows: embedding.rows, columns: embedding.columns)
    try checkBase(u, embedding)
    let a = transposed(u.a, rows: u.rank, columns: embedding.rows)
    return .update(try EmbeddingUpdate(a: a, b: u.b, rank: u.rank, scale: u.scale))
  }

  private func replacement(
    _ values: [Float], of matrix: PackedMatrix, _ u: AdapterUpdate
  ) throws(KingletError) -> PackedMatrix {
    try u.check(rows: matrix.rows, columns: matrix.columns)
    var writer = GGUFWriter()
    try writer.addTensor(u.tensor, dimensions: [matrix.columns, matrix.rows], floats: values)
    let file = try GGUFFile(bytes: writer.encoded())
    return try WeightArena.load(file.tensors, from: file, table: table, threads: 1) { (_) throws(KingletError) in }[0]
  }

  private func checkBase(_ u: AdapterUpdate, _ matrix: PackedMatrix) throws(KingletError) {
    try u.checkBase(rows: matrix.rows, columns: matrix.columns, type: matrix.type) { row in
      matrix.unpack(rows: row..<row + 1)
    }
  }

  /// Magnitude over the length of the row of W + scale B A; nil without magnitudes.
  private func rowFactors(_ u: AdapterUpdate, _ matrix: PackedMatrix) throws(KingletError) -> [Float]? {
    guard let magnitude = u.magnitude else { return nil }
    let factors = magnitude.indices.map { row in
      var sum = matrix.unpack(rows: row..<row + 1).map(Double.init)
      for k in 0..<u.rank {
        let factor = Double(u.scale) * Double(u.b[row * u.rank + k])
        for column in sum.indices { sum[column] += factor * Double(u.a[k * matrix.columns + column]) }
      }
      let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return length > 0 ? Float(Double(magnitude[row]) / length) : 1
    }
    if let row = factors.firstIndex(where: { !(Double(abs($0)) <= AdapterUpdate.largestChange) }) {
      throw KingletError(
        .invalidArgument, "row \(row) is too short for its magnitude \(magnitude[row]): no result would be finite",
        at: u.tensor, remedy: "Use the adapter with the base model it was trained on.")
    }
    return factors
  }
}
