import KingletErrors
import KingletGGUF
import KingletTensors

/// The parameters of a decoder, read from a file as its description says.
struct DecoderWeights: Sendable {
  var embedding: PackedMatrix
  var head: PackedMatrix
  var outputNorm: Norm
  var blocks: [DecoderBlock.Weights]
  /// Divisors of rotary frequencies, or empty.
  var frequencyFactors: [Float]

  /// - Throws: an error naming the tensor that is missing, superfluous, of the wrong shape or of an unsupported type.
  init(
    _ description: DecoderDescription, from file: GGUFFile, table: KernelTable, threads: Int,
    progress: (Double) throws(KingletError) -> Void
  ) throws(KingletError) {
    let d = description
    var tensors = TensorList(file: file)
    let queryWidth = d.headCount * d.headSize
    let keyWidth = d.keyHeadCount * d.headSize

    // In the order of execution, which becomes the order in memory; a tied head is the embedding, once.
    let isTied = file.tensor(named: "output.weight") == nil
    if !isTied { try tensors.add("token_embd.weight", rows: d.vocabularySize, columns: d.hiddenSize) }
    for i in d.layers.indices {
      try tensors.add("blk.\(i).attn_q.weight", rows: queryWidth, columns: d.hiddenSize)
      try tensors.add("blk.\(i).attn_k.weight", rows: keyWidth, columns: d.hiddenSize)
      try tensors.add("blk.\(i).attn_v.weight", rows: keyWidth, columns: d.hiddenSize)
      try tensors.add("blk.\(i).attn_output.weight", rows: d.hiddenSize, columns: queryWidth)
      try tensors.add("blk.\(i).ffn_gate.weight", rows: d.feedForwardSize, columns: d.hiddenSize)
      try tensors.add("blk.\(i).ffn_up.weight", rows: d.feedForwardSize, columns: d.hiddenSize)
      try tensors.add("blk.\(i).ffn_down.weight", rows: d.hiddenSize, columns: d.feedForwardSize)
    }
    let head = isTied ? "token_embd.weight" : "output.weight"
    try tensors.add(head, rows: d.vocabularySize, columns: d.hiddenSize)

    func norm(_ name: String, _ count: Int) throws(KingletError) -> Norm {
      Norm(.rms, weight: try tensors.vector(name, count: count), epsilon: d.normEpsilon)
    }
    func norm(_ name: String, _ count: Int, _ presence: Presence) throws(KingletError) -> Norm? {
      try tensors.vector(name, count: count, presence).map { Norm(.rms, weight: $0, epsilon: d.normEpsilon) }
    }
    var parameters: [DecoderBlock.Parameters] = []
    for i in d.layers.indices {
      parameters.append(
        .init(
          attentionNorm: try norm("blk.\(i).attn_norm.weight", d.hiddenSize),
          queryBias: try tensors.vector("blk.\(i).attn_q.bias", count: queryWidth, d.attentionBias),
          keyBias: try tensors.vector("blk.\(i).attn_k.bias", count: keyWidth, d.attentionBias),
          valueBias: try tensors.vector("blk.\(i).attn_v.bias", count: keyWidth, d.attentionBias),
          queryNorm: try norm("blk.\(i).attn_q_norm.weight", d.headSize, d.queryKeyNorm),
          keyNorm: try norm("blk.\(i).attn_k_norm.weight", d.headSize, d.queryKeyNorm),
          postAttentionNorm: try norm("blk.\(i).post_attention_norm.weight", d.hiddenSize, d.postNorms),
          feedForwardNorm: try norm("blk.\(i).ffn_norm.weight", d.hiddenSize),
          postFeedForwardNorm: try norm("blk.\(i).post_ffw_norm.weight", d.hiddenSize, d.postNorms)))
    }
    outputNorm = try norm("output_norm.weight", d.hiddenSize)
    let factorCount = d.rotations[0].dimensions / 2
    let factors = try tensors.vector(
      "rope_freqs.weight", count: factorCount, d.rotations[0].usesFrequencyFactors ? .optional : .absent)
    frequencyFactors = factors?.values ?? []
    try tensors.refuseOthers()

    let matrices = try WeightArena.load(
      tensors.matrices, from: file, table: table, threads: threads, progress: progress)
    self.head = matrices[matrices.count - 1]
    embedding = isTied ? self.head : matrices[0]
    let first = isTied ? 0 : 1
    blocks = parameters.enumerated().map { i, parameters in
      let m = matrices[(first + 7 * i)..<(first + 7 * (i + 1))]
      let at = m.startIndex
      return DecoderBlock.Weights(
        parameters: parameters, query: m[at], key: m[at + 1], value: m[at + 2], output: m[at + 3], gate: m[at + 4],
        up: m[at + 5], down: m[at + 6])
    }
  }
}
