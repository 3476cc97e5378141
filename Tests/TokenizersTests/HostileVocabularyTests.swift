import KingletErrors
import KingletGGUF
import KingletTokenizers
import Testing

/// Files that contradict themselves, or ask for what there is not: an error that names the key, never a trap.
struct HostileVocabularyTests {
  @Test(
    arguments: [
      ("tokenizer.ggml.model", nil), ("tokenizer.ggml.model", .uint32(1)), ("tokenizer.ggml.tokens", nil),
      ("tokenizer.ggml.tokens", .array(GGUFArray([1, 2] as [Int32]))),
      ("tokenizer.ggml.tokens", .array(GGUFArray([] as [String]))),
      ("tokenizer.ggml.token_type", .array(GGUFArray([1] as [Int32]))),
      ("tokenizer.ggml.token_type", .string("normal")),
      ("tokenizer.ggml.merges", nil), ("tokenizer.ggml.merges", .array(GGUFArray(["a b", "x y"]))),
      ("tokenizer.ggml.merges", .array(GGUFArray(["ab"]))),
      ("tokenizer.ggml.merges", .array(GGUFArray(["", " ", " a"]))),
      ("tokenizer.ggml.merges", .array(GGUFArray(["a b c"]))), ("tokenizer.ggml.merges", .bool(true)),
      ("tokenizer.ggml.bos_token_id", .uint32(100_000)), ("tokenizer.ggml.eos_token_id", .int32(-1)),
      ("tokenizer.ggml.eot_token_id", .uint64(.max)), ("tokenizer.ggml.padding_token_id", .string("0")),
      ("tokenizer.ggml.unknown_token_id", .uint32(.max)), ("tokenizer.ggml.add_bos_token", .uint32(1)),
    ] as [(String, GGUFValue?)])
  func `byte-pair vocabularies`(key: String, value: GGUFValue?) {
    expectCorrupt(.bytePair(merges: ["a b"]), key, value)
  }

  @Test(
    arguments: [
      ("tokenizer.ggml.scores", nil), ("tokenizer.ggml.scores", .array(GGUFArray([1] as [Float]))),
      ("tokenizer.ggml.scores", .array(GGUFArray(Array(repeating: Float.nan, count: 260)))),
      ("tokenizer.ggml.scores", .array(GGUFArray(["high"]))), ("tokenizer.ggml.add_space_prefix", .string("yes")),
      ("tokenizer.ggml.bos_token_id", .uint32(260)),
    ] as [(String, GGUFValue?)])
  func `SentencePiece vocabularies`(key: String, value: GGUFValue?) {
    expectCorrupt(.sentencePiece([("a", 0)]), key, value)
  }

  @Test(
    arguments: [
      ("tokenizer.ggml.unknown_token_id", nil), ("tokenizer.ggml.unknown_token_id", .uint32(50)),
      ("tokenizer.ggml.cls_token_id", .uint32(50)), ("tokenizer.ggml.seperator_token_id", .string("[SEP]")),
      ("tokenizer.ggml.normalizer.lowercase", .uint32(1)), ("tokenizer.ggml.normalizer.strip_accents", .string("")),
      ("tokenizer.ggml.add_sep_token", .uint32(1)), ("tokenizer.ggml.add_eos_token", .bool(true)),
    ] as [(String, GGUFValue?)])
  func `WordPiece vocabularies`(key: String, value: GGUFValue?) {
    expectCorrupt(.wordPiece(["▁a", "b"]), key, value)
  }

  @Test(
    arguments: [
      ("tokenizer.ggml.scores", nil), ("tokenizer.ggml.scores", .array(GGUFArray([1] as [Float]))),
      ("tokenizer.ggml.precompiled_charsmap", .array(GGUFArray([1000, 2] as [Int32]))),
      ("tokenizer.ggml.precompiled_charsmap", .string("")), ("tokenizer.ggml.add_space_prefix", .uint32(1)),
      ("tokenizer.ggml.remove_extra_whitespaces", .string("yes")), ("tokenizer.ggml.eos_token_id", .uint32(260)),
    ] as [(String, GGUFValue?)])
  func `Unigram vocabularies`(key: String, value: GGUFValue?) {
    expectCorrupt(.unigram([("a", 0)]), key, value)
  }

  @Test func `a token to add must be named`() {
    var toy = ToyVocabulary.bytePair()
    toy.metadata.removeAll { $0.key.hasSuffix("_id") }
    expectCorrupt(toy, "tokenizer.ggml.add_bos_token", .bool(true))
    expectCorrupt(toy, "tokenizer.ggml.add_eos_token", .bool(true))
  }

  @Test func `a vocabulary must spell everything`() {
    let toy = ToyVocabulary.sentencePiece([("a", 0)], bytes: false)
    expectCorrupt(toy, "tokenizer.ggml.unknown_token_id", nil)
  }

  @Test(arguments: [0, 7, -1, 300]) func `kinds are 1 to 6`(kind: Int32) {
    var toy = ToyVocabulary.bytePair()
    toy.kinds[3] = kind
    expectCorrupt(toy, "tokenizer.ggml.token_type", .array(GGUFArray(toy.kinds)))
  }

  @Test(
    arguments: [
      ("tokenizer.ggml.model", "plamo2"), ("tokenizer.ggml.model", "rwkv"), ("tokenizer.ggml.pre", "chameleon"),
      ("tokenizer.ggml.pre", "superbpe"), ("tokenizer.ggml.pre", nil),
    ] as [(String, String?)])
  func `what is not known is refused by name`(key: String, name: String?) {
    let error = failure(.bytePair(), key, name.map { .string($0) })
    #expect(error?.code == .unsupported)
    #expect(error?.description.contains(key) == true)
    #expect(error?.description.contains(name ?? key) == true)
    #expect(error?.remedy != nil)
  }

  @Test func `odd tokens are taken as they are`() throws {
    var toy = ToyVocabulary.bytePair(merges: ["a b"])
    for token in ["", "", "a", "ab", "Ω", "no Ġ", "ġ"] { toy.add(token) }
    for kind: TokenKind in [.control, .userDefined, .unknown, .unused, .byte] { toy.add("", kind) }
    let tokenizer = try toy.load()
    #expect(tokenizer.encode("ab", addSpecial: false) == [toy.id("ab")])
    #expect(tokenizer.decode(Array(0..<Int32(toy.tokens.count)), skipSpecial: false).contains("Ω"))

    var pieces = ToyVocabulary.sentencePiece([("", 0), ("a", 1), ("a", 2), ("▁", .infinity), ("aa", -.infinity)])
    for kind: TokenKind in [.byte, .userDefined, .control] { pieces.add("", kind) }
    for byte in ["<0x", "<0xZZ>", "<0x+1>", "x"] { pieces.add(byte, .byte) }
    pieces.metadata.append(("tokenizer.ggml.scores", .array(GGUFArray(pieces.scores))))
    #expect(try pieces.load().decode(pieces.load().encode("aaa é", addSpecial: false)) == "aaa é")
  }

  @Test func `numbers that are no token give a replacement character`() throws {
    for tokenizer in try [ToyVocabulary.bytePair().load(), ToyVocabulary.sentencePiece([("a", 0)]).load()] {
      for id: Int32 in [-1, .min, .max, Int32(tokenizer.vocabularySize)] {
        #expect(tokenizer.bytes(of: id) == Array("\u{FFFD}".utf8))
        #expect(tokenizer.decode([id]) == "\u{FFFD}")
        #expect(tokenizer.kind(of: id) == nil)
        var stream = StreamingDetokenizer(tokenizer)
        #expect(stream.append(id) == "\u{FFFD}")
      }
    }
  }

  @Test(arguments: ["gpt2", "llama", "bert", "t5"])
  func `every corrupted byte is an error or a vocabulary`(model: String) throws {
    let toy: ToyVocabulary =
      switch model {
      case "gpt2": .bytePair("qwen2", merges: ["a b", "Ġ a", "Ġa b"])
      case "llama": .sentencePiece([("a", -1), ("▁a", -2)])
      case "t5": .unigram([("a", -1), ("▁a", -2)])
      default: .wordPiece(["▁a", "b", "▁ab", "▁é"], lowercases: true, stripsAccents: false)
      }
    let file = toy.file()
    for position in file.indices {
      for flip: UInt8 in [0x01, 0x80, 0xFF] {
        var corrupted = file
        corrupted[position] ^= flip
        do throws(KingletError) {
          let tokenizer = try Tokenizer.load(from: GGUFFile(bytes: corrupted))
          let ids = tokenizer.encode("ab a<|im_end|>é", addSpecial: true, parseSpecial: true)
          _ = tokenizer.decode(ids, skipSpecial: false)
        } catch {
          #expect([.fileCorrupt, .unsupported].contains(error.code), "\(error)")
        }
      }
    }
  }

  private func expectCorrupt(
    _ toy: ToyVocabulary, _ key: String, _ value: GGUFValue?, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = failure(toy, key, value)
    #expect(error?.code == .fileCorrupt, sourceLocation: sourceLocation)
    #expect(error?.description.contains(key) == true, "\(error?.description ?? "none")", sourceLocation: sourceLocation)
  }

  /// The error of loading with a key replaced, or removed.
  private func failure(_ toy: ToyVocabulary, _ key: String, _ value: GGUFValue?) -> KingletError? {
    do throws(KingletError) {
      _ = try toy.load(changing: [key: value])
      return nil
    } catch { return error }
  }
}
