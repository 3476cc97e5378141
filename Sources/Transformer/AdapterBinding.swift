import KingletErrors
import KingletGGUF
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
    /// Those of the model, in the order of fused tensors.
    let matrices: [(name: String, Adaptable)]
    /// Names of tensors that hold all of them, one below another.
    var fused: [String] = []
    /// Where the changes go.
    let place: WritableKeyPath<LoadedAdapter.Layer, LowRankUpdate?>
  }

  let layers: [[Input]]
  let embedding: PackedMatrix
  /// Nil for models that write nothing.
  let head: PackedMatrix?
  let pairing: RotaryPairing
  let table: KernelTable
  let owner: ObjectIdentifier

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
        let (layer, input, targets) = try find(update.tensor, rows: update.rank > 0 ? update.b.count / update.rank : 0)
        factors[layer][input].append(try self.factors(update, of: targets))
      }
    }
    var adapted = layers.map { _ in LoadedAdapter.Layer() }
    for layer in layers.indices {
      for (input, own) in zip(layers[layer], factors[layer]) where !own.isEmpty {
        adapted[layer][keyPath: input.place] = try LowRankUpdate(own, columns: input.matrices[0].1.matrix.columns)
      }
    }
    return LoadedAdapter(layers: adapted, head: head, embedding: embedding, invocation: invocation, owner: owner)
  }

  /// Where a tensor is, and which matrices it makes up.
  private func find(
    _ tensor: String, rows: Int
  ) throws(KingletError) -> (layer: Int, input: Int, targets: [Adaptable]) {
    let parts = tensor.split(separator: ".")
    let unknown = KingletError(
      .unsupported, "the adapter changes a tensor that Kinglet does not adapt", at: tensor)
    guard parts.count == 3, parts[0] == "blk", let layer = Int(parts[1]) else { throw unknown }
    guard layers.indices.contains(layer) else {
      throw KingletError(
        .invalidArgument, "the adapter has a layer \(layer), the model has \(layers.count) layers", at: tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
    for (index, input) in layers[layer].enumerated() {
      let all = input.matrices.map(\.1)
      let own = input.matrices.first { $0.name == parts[2] }?.1
      if input.fused.contains(String(parts[2])), own == nil || rows == all.reduce(0, { $0 + $1.matrix.rows }) {
        return (layer, index, all)
      }
      if let own { return (layer, index, [own]) }
    }
    throw unknown
  }

  private func factors(
    _ u: AdapterUpdate, of targets: [Adaptable]
  ) throws(KingletError) -> LowRankUpdate.Factors {
    guard u.replacement == nil else {
      throw KingletError(
        .unsupported, "a matrix of a layer that was saved as a whole is not applied", at: u.tensor,
        remedy: "Merge the adapter into its base, or train the matrix by LoRA.")
    }
    let rows = targets.reduce(0) { $0 + $1.matrix.rows }
    let columns = targets[0].matrix.columns
    try check(u, rows: rows, columns: columns)
    var (b, magnitude, bias) = (u.b[...], u.magnitude?[...], u.bias?[...])
    let parts = targets.map { target in
      let count = target.matrix.rows
      defer {
        b = b.dropFirst(count * u.rank)
        magnitude = magnitude?.dropFirst(count)
        bias = bias?.dropFirst(count)
      }
      let own = ordered(b.prefix(count * u.rank), u.rank, u.rowOrder, target)
      let lengths = magnitude.map { ordered($0.prefix(count), 1, u.rowOrder, target) }
      return LowRankUpdate.Factors.Part(
        target.matrix, b: own,
        rowFactors: lengths.map { rowFactors($0, target.matrix, a: u.a, b: own, rank: u.rank, scale: u.scale) },
        biasChange: bias.map { change(of: target.bias, to: ordered($0.prefix(count), 1, u.rowOrder, target)) })
    }
    return LowRankUpdate.Factors(a: u.a, rank: u.rank, scale: u.scale, parts: parts)
  }

  private func head(_ u: AdapterUpdate) throws(KingletError) -> LoadedAdapter.Change<LowRankUpdate> {
    guard let head else {
      throw KingletError(.unsupported, "the adapter changes a head that the model does not have", at: u.tensor)
    }
    if let values = u.replacement { return .replacement(try replacement(values, of: head, u.tensor)) }
    return .update(try LowRankUpdate([factors(u, of: [Adaptable(matrix: head)])], columns: head.columns))
  }

  private func embedding(_ u: AdapterUpdate) throws(KingletError) -> LoadedAdapter.Change<EmbeddingUpdate> {
    let (tokens, columns) = (embedding.rows, embedding.columns)
    if let values = u.replacement { return .replacement(try replacement(values, of: embedding, u.tensor)) }
    guard u.magnitude == nil, u.bias == nil else {
      throw KingletError(.unsupported, "a weight-decomposed (DoRA) update of embeddings is not applied", at: u.tensor)
    }
    guard u.rank > 0, u.a.count == u.rank * tokens, u.b.count == u.rank * columns else {
      throw KingletError(
        .invalidArgument,
        "the adapter's update of rank \(u.rank) is for \(u.a.count / max(1, u.rank)) tokens of \(u.b.count / max(1, u.rank)), "
          + "the model has \(tokens) of \(columns)", at: u.tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
    let transposed = (0..<tokens).flatMap { token in (0..<u.rank).map { u.a[$0 * tokens + token] } }
    return .update(try EmbeddingUpdate(a: transposed, b: u.b, rank: u.rank, scale: u.scale))
  }

  private func check(_ u: AdapterUpdate, rows: Int, columns: Int) throws(KingletError) {
    guard u.rank >= 0, u.a.count == u.rank * columns, u.b.count == u.rank * rows,
      u.magnitude.map({ $0.count == rows }) ?? true
    else {
      throw KingletError(
        .invalidArgument,
        "the adapter's update of rank \(u.rank) is for \(u.b.count / max(1, u.rank)) x \(u.a.count / max(1, u.rank)), the "
          + "model has \(rows) x \(columns)", at: u.tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
    guard u.bias.map({ $0.count == rows }) ?? true else {
      throw KingletError(
        .invalidArgument, "the adapter has a bias of \(u.bias?.count ?? 0), the model has \(rows) rows", at: u.tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
  }

  private func replacement(
    _ values: [Float], of matrix: PackedMatrix, _ tensor: String
  ) throws(KingletError) -> PackedMatrix {
    guard values.count == matrix.rows * matrix.columns else {
      throw KingletError(
        .invalidArgument, "the adapter has \(values.count) weights, the model \(matrix.rows) x \(matrix.columns)",
        at: tensor, remedy: "Use the adapter with the base model it was trained on.")
    }
    var writer = GGUFWriter()
    try writer.addTensor(tensor, dimensions: [matrix.columns, matrix.rows], floats: values)
    let file = try GGUFFile(bytes: writer.encoded())
    return try WeightArena.load(file.tensors, from: file, table: table, threads: 1) { (_) throws(KingletError) in }[0]
  }

  /// Rows in the order of the model.
  private func ordered(
    _ values: ArraySlice<Float>, _ rowLength: Int, _ order: AdapterUpdate.RowOrder, _ target: Adaptable
  ) -> [Float] {
    let values = Array(values)
    guard order == .halves, pairing == .adjacent, let heads = target.heads, rowLength > 0 else { return values }
    // Of each head the rows of its halves by turns, as GGUF has them for models whose rotated pairs are adjacent.
    let size = values.count / rowLength / heads
    return (0..<heads * size).flatMap { row in
      let (head, place) = (row / size, row % size)
      let source = head * size + place % 2 * (size / 2) + place / 2
      return values[source * rowLength..<(source + 1) * rowLength]
    }
  }

  private func change(of bias: FloatVector?, to new: [Float]) -> [Float] {
    guard let old = bias?.values else { return new }
    return zip(new, old).map { $0 - $1 }
  }

  /// Magnitude over the length of the row of W + scale B A.
  private func rowFactors(
    _ magnitude: [Float], _ matrix: PackedMatrix, a: [Float], b: [Float], rank: Int, scale: Float
  ) -> [Float] {
    magnitude.indices.map { row in
      var sum = matrix.unpack(rows: row..<row + 1).map(Double.init)
      for k in 0..<rank {
        let factor = Double(scale) * Double(b[row * rank + k])
        for column in sum.indices { sum[column] += factor * Double(a[k * matrix.columns + column]) }
      }
      let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return length > 0 ? Float(Double(magnitude[row]) / length) : 1
    }
  }
}
