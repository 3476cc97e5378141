import ArgumentParser
import Kinglet
import KingletGGUF
import KingletTransformer

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what is in a model file, without loading it.",
    discussion: """
      Examples:
        kinglet inspect smollm2
        kinglet inspect model.gguf --tensors
        kinglet inspect model.gguf --json
      """)

  @Argument(help: "Path of a GGUF file or a Hugging Face folder, or a name from `kinglet models`.")
  var model: String

  @Flag(help: "List every tensor.")
  var tensors = false

  @Flag(help: "Print one JSON object, tensors included.")
  var json = false

  func run() throws {
    var argument = ModelArgument()
    argument.model = model
    let file = try argument.open()
    let report = FileReport(file)
    if json { return try printJSON(report) }
    var rows = [
      ["file", report.path], ["size", byteCount(report.byteCount)], ["format", "GGUF version \(report.version)"],
      ["architecture", report.architecture ?? "none given"],
    ]
    if let name = report.name { rows.append(["name", name]) }
    rows.append(["parameters", decimal(Double(report.parameterCount) / 1e6, 1) + " M in \(file.tensors.count) tensors"])
    for type in report.weightTypes {
      rows.append(["", "\(type.type): \(type.tensors) tensors, \(byteCount(type.bytes))"])
    }
    if let tokenizer = report.tokenizer {
      rows.append([
        "tokenizer", "\(tokenizer.model), pre-tokenizer \(tokenizer.pre ?? "none given"), \(tokenizer.tokens) tokens",
      ])
    }
    rows.append(["chat template", report.hasChatTemplate ? "yes" : "no"])
    if let decoder = report.decoder {
      rows.append(["layers", "\(decoder.layers), \(decoder.hiddenSize) wide, feed-forward \(decoder.feedForwardSize)"])
      rows.append([
        "attention", "\(decoder.heads) heads of \(decoder.headSize), \(decoder.keyHeads) for keys and values",
      ])
      rows.append([
        "context",
        "trained for \(decoder.trainedContext); \(decoder.defaultContext) by default, "
          + "\(byteCount(decoder.keyValueBytes)) of keys and values (f16) when full",
      ])
    }
    if let encoder = report.encoder {
      rows.append(["layers", "\(encoder.layers), \(encoder.hiddenSize) wide, feed-forward \(encoder.feedForwardSize)"])
      rows.append(["attention", "\(encoder.heads) heads of \(encoder.headSize)"])
      rows.append(["embeds", "texts of up to \(encoder.trainedContext) tokens, pooling \(encoder.pooling)"])
    }
    if let problem = report.problem { rows.append(["cannot run", problem]) }
    try standardOutput(table(rows) + "\nmetadata\n")
    try standardOutput(table(report.metadata.map { ["  " + $0.key, $0.type, $0.value] }))
    if tensors {
      try standardOutput("\ntensors\n" + table(report.tensors.map { ["  " + $0.name, $0.type, $0.shape] }))
    }
  }
}

/// What `inspect` tells of a file.
private struct FileReport: Encodable {
  struct WeightType: Encodable {
    let type: String
    let tensors: Int
    let bytes: Int
  }
  struct TokenizerReport: Encodable {
    let model: String
    let pre: String?
    let tokens: Int
  }
  struct DecoderReport: Encodable {
    let layers: Int
    let hiddenSize: Int
    let feedForwardSize: Int
    let heads: Int
    let keyHeads: Int
    let headSize: Int
    let trainedContext: Int
    let defaultContext: Int
    let keyValueBytes: Int

    init(_ d: DecoderDescription) {
      let context = min(d.trainedContextLength, LanguageModel.defaultContextLimit)
      (layers, hiddenSize, feedForwardSize) = (d.layers.count, d.hiddenSize, d.feedForwardSize)
      (heads, keyHeads, headSize) = (d.headCount, d.keyHeadCount, d.headSize)
      (trainedContext, defaultContext) = (d.trainedContextLength, context)
      keyValueBytes = d.cacheByteCount(capacity: context)
    }
  }
  struct EncoderReport: Encodable {
    let layers: Int
    let hiddenSize: Int
    let feedForwardSize: Int
    let heads: Int
    let headSize: Int
    let trainedContext: Int
    let pooling: String
  }
  struct Entry: Encodable {
    let key: String
    let type: String
    let value: String
  }
  struct TensorReport: Encodable {
    let name: String
    let type: String
    let dimensions: [Int]
    let bytes: Int
    var shape: String { dimensions.map(String.init).joined(separator: " x ") }
  }

  let path: String
  let byteCount: Int
  let version: Int
  let architecture: String?
  let name: String?
  let parameterCount: Int
  let weightTypes: [WeightType]
  let tokenizer: TokenizerReport?
  let hasChatTemplate: Bool
  let decoder: DecoderReport?
  let encoder: EncoderReport?
  /// Why Kinglet cannot run it.
  let problem: String?
  let metadata: [Entry]
  let tensors: [TensorReport]

  init(_ file: GGUFFile) {
    let m = file.metadata
    path = file.path
    byteCount = file.byteCount
    version = file.version
    architecture = try? m.string("general.architecture")
    name = try? m.string("general.name")
    parameterCount = file.tensors.reduce(0) { $0 + $1.elementCount }
    var types: [String: (tensors: Int, bytes: Int)] = [:]
    for tensor in file.tensors {
      types[tensor.type.name, default: (0, 0)].tensors += 1
      types[tensor.type.name, default: (0, 0)].bytes += tensor.byteCount
    }
    weightTypes = types.sorted { $0.value.bytes > $1.value.bytes }.map {
      WeightType(type: $0.key, tensors: $0.value.tensors, bytes: $0.value.bytes)
    }
    if let model = try? m.string("tokenizer.ggml.model") {
      tokenizer = TokenizerReport(
        model: model, pre: try? m.string("tokenizer.ggml.pre"),
        tokens: (try? m.strings("tokenizer.ggml.tokens"))?.count ?? 0)
    } else {
      tokenizer = nil
    }
    hasChatTemplate = m["tokenizer.chat_template"] != nil
    var (decoder, encoder, problem): (DecoderReport?, EncoderReport?, String?)
    do {
      if try Encoder.isEncoder(file) {
        let d = try Encoder.describe(file)
        encoder = EncoderReport(
          layers: d.layers.count, hiddenSize: d.hiddenSize, feedForwardSize: d.feedForwardSize, heads: d.headCount,
          headSize: d.headSize, trainedContext: d.trainedContextLength, pooling: d.pooling.rawValue)
      } else {
        decoder = try DecoderReport(Decoder.describe(file))
      }
    } catch {
      problem = "\(error)"
    }
    (self.decoder, self.encoder, self.problem) = (decoder, encoder, problem)
    metadata = m.keys.map { key in
      let (type, text) = m[key].map(Self.describe) ?? ("", "")
      return Entry(key: key, type: type, value: text)
    }
    tensors = file.tensors.map {
      TensorReport(name: $0.name, type: $0.type.name, dimensions: $0.dimensions, bytes: $0.byteCount)
    }
  }

  /// A value in one line: vocabularies and templates are cut.
  private static func describe(_ value: GGUFValue) -> (type: String, text: String) {
    func shortened(_ text: String) -> String {
      let line = text.prefix(61).map { $0.isNewline ? "⏎" : $0.isControl ? "\u{FFFD}" : $0 }
      return line.count > 60 ? String(line.prefix(60)) + "…" : String(line)
    }
    if let text = value.string { return ("string", shortened(text)) }
    if let flag = value.bool { return ("bool", "\(flag)") }
    if let number = value.integer { return ("integer", "\(number)") }
    if let number = value.float { return ("float", "\(number)") }
    guard let array = value.array else { return ("integer", "\(value)") }
    return ("array", "\(array.count) values")
  }
}

extension Character {
  /// Whether it could steer a terminal, to which a file from a stranger has no right.
  fileprivate var isControl: Bool { unicodeScalars.contains { $0.properties.generalCategory == .control } }
}
