import KingletErrors
import KingletGGUF
import KingletTensors

/// The parameters of an encoder, read from a file as its description says.
struct EncoderWeights: Sendable {
  let embedding: PackedMatrix
  /// Vectors of positions `[context, hidden]`.
  let positions: PackedMatrix?
  /// Vectors for the kinds of text: the first, and the second of a pair. Empty where there are none.
  let tokenTypes: [FloatVector]
  let embeddingNorm: Norm?
  let blocks: [EncoderBlock.Weights]
  let outputNorm: Norm?
  /// What follows pooling: projections of some sentence encoders.
  let projections: [PackedMatrix]
  let rankingHead: RankingHead?
  /// Divisors of rotary frequencies, or empty.
  let frequencyFactors: [Float]

  /// The classifier of a cross-encoder: `output(tanh(dense(x)))`, of which either may be missing.
  struct RankingHead: Sendable {
    var dense: PackedMatrix?
    var denseBias: FloatVector?
    var output: PackedMatrix?
    var outputBias: FloatVector?
  }

  /// - Throws: an error naming the tensor that is missing, superfluous, of the wrong shape or of an unsupported type.
  init(
    _ description: EncoderDescription, from file: GGUFFile, table: KernelTable, threads: Int,
    progress: (Double) throws(KingletError) -> Void
  ) throws(KingletError) {
    let d = description
    var tensors = TensorList(file: file)
    // In the order of execution, which becomes the order in memory.
    try tensors.add("token_embd.weight", rows: d.vocabularySize, columns: d.hiddenSize)
    // A decoder's head says nothing of hidden states.
    tensors.ignore("output.weight")
    if d.positions == .learned {
      try tensors.add("position_embd.weight", rows: d.trainedContextLength, columns: d.hiddenSize)
    }
    let firstOfBlocks = tensors.matrices.count
    for i in d.layers.indices { try tensors.addMatrices(of: "blk.\(i).", d) }
    let endOfBlocks = tensors.matrices.count
    let projectionCount = try tensors.addProjections(d)
    var head = try tensors.addRankingHead(d)

    tokenTypes = try tensors.tokenTypes(d)
    embeddingNorm = try tensors.norm("token_embd_norm", d, presence: d.embeddingNorm)
    var parameters: [EncoderBlock.Parameters] = []
    for i in d.layers.indices { parameters.append(try tensors.parameters(of: "blk.\(i).", isFirst: i == 0, d)) }
    outputNorm = try tensors.norm(
      "output_norm", d, presence: d.normPlacement == .afterResidual ? .absent : .required)
    let usesFactors = d.rotations.first?.usesFrequencyFactors ?? false
    let factors = try tensors.vector(
      "rope_freqs.weight", count: (d.rotations.first?.dimensions ?? 0) / 2, usesFactors ? .optional : .absent)
    frequencyFactors = factors?.values ?? []
    try tensors.refuseOthers()

    var matrices = try WeightArena.load(
      tensors.matrices, from: file, table: table, threads: threads, progress: progress)[...]
    embedding = matrices.removeFirst()
    positions = firstOfBlocks > 1 ? matrices.removeFirst() : nil
    var inBlocks = matrices.prefix(endOfBlocks - firstOfBlocks)
    blocks = parameters.map { parameters in
      EncoderBlock.Weights(
        parameters: parameters, query: inBlocks.removeFirst(), key: inBlocks.removeFirst(),
        value: inBlocks.removeFirst(), output: inBlocks.removeFirst(), gate: d.isGated ? inBlocks.removeFirst() : nil,
        up: inBlocks.removeFirst(), down: inBlocks.removeFirst())
    }
    matrices.removeFirst(endOfBlocks - firstOfBlocks)
    projections = Array(matrices.prefix(projectionCount))
    matrices.removeFirst(projectionCount)
    if head.hasDense { head.parts.dense = matrices.removeFirst() }
    if head.hasOutput { head.parts.output = matrices.removeFirst() }
    rankingHead = head.hasDense || head.hasOutput ? head.parts : nil
  }
}

extension TensorList {
  /// The matrices of a layer, in the order of `EncoderBlock.Weights`.
  fileprivate mutating func addMatrices(of block: String, _ d: EncoderDescription) throws(KingletError) {
    let (width, keyWidth) = (d.headCount * d.headSize, d.keyHeadCount * d.headSize)
    try add(
      [(block + "attn_q.weight", width), (block + "attn_k.weight", keyWidth), (block + "attn_v.weight", keyWidth)],
      fusedAs: block + "attn_qkv.weight", columns: d.hiddenSize)
    try add(block + "attn_output.weight", rows: d.hiddenSize, columns: width)
    if !d.isGated {
      try add(block + "ffn_up.weight", rows: d.feedForwardSize, columns: d.hiddenSize)
    } else if has(block + "ffn_gate.weight") {
      try add(block + "ffn_gate.weight", rows: d.feedForwardSize, columns: d.hiddenSize)
      try add(block + "ffn_up.weight", rows: d.feedForwardSize, columns: d.hiddenSize)
    } else {
      try addHalves(of: block + "ffn_up.weight", rows: d.feedForwardSize, columns: d.hiddenSize)
    }
    try add(block + "ffn_down.weight", rows: d.hiddenSize, columns: d.feedForwardSize)
  }

  /// All of a layer but its matrices.
  fileprivate mutating func parameters(
    of block: String, isFirst: Bool, _ d: EncoderDescription
  ) throws(KingletError) -> EncoderBlock.Parameters {
    let (width, keyWidth) = (d.headCount * d.headSize, d.keyHeadCount * d.headSize)
    let biases = try vectors(
      [(block + "attn_q.bias", width), (block + "attn_k.bias", keyWidth), (block + "attn_v.bias", keyWidth)],
      fusedAs: block + "attn_qkv.bias", d.attentionBias)
    let isAfter = d.normPlacement == .afterResidual
    let isAround = d.normPlacement == .aroundBlock
    func headNorm(_ name: String) throws(KingletError) -> Norm? {
      try vector(block + name, count: d.headSize, d.queryKeyNorm).map { Norm(.rms, weight: $0, epsilon: d.normEpsilon) }
    }
    func norm(_ name: String, when isThere: Bool) throws(KingletError) -> Norm? {
      try self.norm(block + name, d, presence: isThere ? .required : .absent)
    }
    return EncoderBlock.Parameters(
      beforeAttention: try norm("attn_norm", when: !isAfter && (!isFirst || d.normalizesFirstAttention)),
      queryBias: biases[0], keyBias: biases[1], valueBias: biases[2],
      queryNorm: try headNorm("attn_q_norm.weight"), keyNorm: try headNorm("attn_k_norm.weight"),
      outputBias: try vector(block + "attn_output.bias", count: d.hiddenSize, d.outputBias),
      afterAttention: try norm(isAround ? "post_attention_norm" : "attn_output_norm", when: isAfter || isAround),
      beforeFeedForward: try norm("ffn_norm", when: !isAfter),
      upBias: try vector(block + "ffn_up.bias", count: d.feedForwardSize, d.isGated ? .absent : d.outputBias),
      downBias: try vector(block + "ffn_down.bias", count: d.hiddenSize, d.outputBias),
      afterFeedForward: try norm(isAround ? "post_ffw_norm" : "layer_output_norm", when: isAfter || isAround))
  }

  fileprivate mutating func norm(
    _ name: String, _ d: EncoderDescription, presence: Presence
  ) throws(KingletError) -> Norm? {
    guard let weight = try vector(name + ".weight", count: d.hiddenSize, presence) else { return nil }
    return Norm(
      d.normKind, weight: weight, bias: try vector(name + ".bias", count: d.hiddenSize, d.normBias),
      epsilon: d.normEpsilon)
  }

  fileprivate mutating func tokenTypes(_ d: EncoderDescription) throws(KingletError) -> [FloatVector] {
    let name = "token_types.weight"
    guard d.tokenTypes != .absent, let tensor = file.tensor(named: name) else { return [] }
    let values = try vector(name, count: tensor.elementCount).values
    guard tensor.dimensions.first == d.hiddenSize else {
      throw KingletError(.fileCorrupt, "its rows are not of \(d.hiddenSize) numbers", at: name)
    }
    return stride(from: 0, to: values.count, by: d.hiddenSize).prefix(2).map {
      FloatVector(Array(values[$0..<$0 + d.hiddenSize]))
    }
  }

  /// Projections that follow pooling, each as wide as what comes before it; returns how many there are.
  fileprivate mutating func addProjections(_ d: EncoderDescription) throws(KingletError) -> Int {
    var width = d.hiddenSize
    var count = 0
    for name in ["dense_2.weight", "dense_3.weight"] {
      guard let rows = file.tensor(named: name)?.dimensions.last else { continue }
      try add(name, rows: rows, columns: width)
      width = rows
      count += 1
    }
    return count
  }

  fileprivate mutating func addRankingHead(
    _ d: EncoderDescription
  ) throws(KingletError) -> (hasDense: Bool, hasOutput: Bool, parts: EncoderWeights.RankingHead) {
    var parts = EncoderWeights.RankingHead()
    var width = d.hiddenSize
    let dense = file.tensor(named: "cls.weight")?.dimensions.last
    if let dense {
      try add("cls.weight", rows: dense, columns: width)
      parts.denseBias = try vector("cls.bias", count: dense, .optional)
      width = dense
    }
    let output = file.tensor(named: "cls.output.weight")?.dimensions.last
    if let output {
      try add("cls.output.weight", rows: output, columns: width)
      parts.outputBias = try vector("cls.output.bias", count: output, .optional)
    }
    return (dense != nil, output != nil, parts)
  }
}
