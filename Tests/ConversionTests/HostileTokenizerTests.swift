import KingletErrors
import KingletTestSupport
import Testing

@testable import KingletConversion

/// Files that are cut short, contradict themselves or ask for all memory: a typed error, never a trap.
struct HostileTokenizerTests {
  private static let samples = [
    TokenizerSamples.bytePair(), TokenizerSamples.wordPiece, TokenizerSamples.unigram,
  ]

  @Test(arguments: samples)
  func `every truncation is an error`(sample: String) throws {
    let bytes = Array(sample.utf8)
    let files = try TokenizerFiles()
    for count in bytes.indices {
      try files.write("tokenizer.json", Array(bytes[..<count]))
      // An empty file is as good as none, to the reader; there is no tokenizer in it.
      if count > 0 { expectError(files, "\(count) bytes") }
    }
  }

  @Test(arguments: samples)
  func `every corrupted byte is an error or a vocabulary`(sample: String) throws {
    let files = try TokenizerFiles()
    for position in 0..<sample.utf8.count {
      for flip: UInt8 in [0x01, 0x08, 0x80] {
        var bytes = Array(sample.utf8)
        bytes[position] ^= flip
        try files.write("tokenizer.json", bytes)
        do throws(KingletError) {
          _ = try TokenizerConversion.metadata(folder: files.path, vocabularySize: nil, architecture: "bert")
        } catch {
          #expect([.fileCorrupt, .unsupported].contains(error.code), "\(error)")
        }
      }
    }
  }

  @Test func `every truncation or corruption of a SentencePiece file is an error or a vocabulary`() throws {
    let bytes = ProtobufMessage.sentencePiece(
      [("<unk>", 0, 2), ("▁a", -1, 1), ("<0x0A>", -2, 6)], type: 2, charsmap: [1, 2, 3])
    let files = try TokenizerFiles()
    for position in bytes.indices {
      for changed in [Array(bytes[..<position])] + [0x01, 0x08, 0x80, 0xFF].map({ flipped(bytes, position, $0) }) {
        try files.write("tokenizer.model", changed)
        do throws(KingletError) {
          _ = try TokenizerConversion.metadata(folder: files.path, vocabularySize: nil, architecture: "llama")
        } catch {
          #expect([.fileCorrupt, .unsupported].contains(error.code), "\(error)")
        }
      }
    }
  }

  @Test(arguments: [
    (#""a": 0"#, #""a": -1"#), (#""a": 0"#, #""a": 99999999"#), (#""a": 0"#, #""a": 1"#), (#""a": 0"#, #""a": "x""#),
    (#""a": 0"#, #""a": 1e99"#), (#""a": 0"#, #""a": 9223372036854775808"#), (#""id": 6"#, #""id": 4000000000"#),
    (#""id": 6"#, #""id": -6"#), (#"["a b""#, #"["ab""#), (#"["a b""#, #"[["a"]"#), (#"["a b""#, #"[1"#),
    (#"["a b""#, #"[["a", 1]"#), (#""vocab": {"#, #""vocab": 1, "x": {"#), (#""model": {"#, #""model": 1, "x": {"#),
    (#""content": "<|end|>""#, #""content": 7"#), (#""type": "BPE""#, #""type": 1"#),
  ])
  func `wrong types and numbers`(part: String, replacement: String) throws {
    let json = TokenizerSamples.bytePair().replacing(part, with: replacement)
    let files = try TokenizerFiles(["tokenizer.json": json])
    expectError(files, replacement)
  }

  @Test(arguments: [
    "[]", "1", "\"a\"", "{\"bos_token\": ", "{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}",
  ])
  func `settings that are none`(settings: String) throws {
    let files = try TokenizerFiles(["tokenizer_config.json": settings])
    try files.write("tokenizer.model", ProtobufMessage.sentencePiece([("<unk>", 0, 2), ("a", -1, 1)], type: 2))
    expectError(files, settings)
  }

  @Test func `nesting without end is an error`() throws {
    let files = try TokenizerFiles(["tokenizer.json": String(repeating: "[", count: 200_000)])
    expectError(files, "nesting")
  }

  @Test func `a vocabulary must fit its model`() throws {
    let files = try TokenizerFiles(["tokenizer.json": TokenizerSamples.bytePair()])
    for size in [0, 3, -1, .max] {
      let error = #expect(throws: KingletError.self) { try files.metadata(size: size) }
      #expect(error?.code == .fileCorrupt)
    }
  }

  private func flipped(_ bytes: [UInt8], _ position: Int, _ flip: UInt8) -> [UInt8] {
    var bytes = bytes
    bytes[position] ^= flip
    return bytes
  }

  private func expectError(_ files: TokenizerFiles, _ what: String) {
    do throws(KingletError) {
      let pairs = try TokenizerConversion.metadata(folder: files.path, vocabularySize: nil, architecture: "bert")
      Issue.record("\(what): \(pairs.count) pairs")
    } catch {
      #expect(error.code == .fileCorrupt, "\(what): \(error)")
      #expect(error.location?.contains(files.path) == true, "\(what): \(error)")
    }
  }
}
