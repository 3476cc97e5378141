import KingletErrors
import KingletGGUF
import KingletTestSupport
import KingletTokenizers
import Testing

@testable import KingletConversion

struct TokenizerConversionTests {
  @Test func `byte-level BPE`() throws {
    let files = try TokenizerFiles(["tokenizer.json": TokenizerSamples.bytePair()])
    let metadata = try files.metadata(size: 12)
    #expect(try metadata.string("tokenizer.ggml.model") == "gpt2")
    #expect(try metadata.string("tokenizer.ggml.pre") == "gpt-2")
    let tokens = try metadata.requiredStrings("tokenizer.ggml.tokens").map { $0 }
    #expect(
      tokens == ["a", "b", "c", "ab", "Ġ", "Ġab", "<|end|>", "two words", "[PAD8]", "[PAD9]", "[PAD10]", "[PAD11]"])
    #expect(try metadata.integers("tokenizer.ggml.token_type") == [1, 1, 1, 1, 1, 1, 3, 4, 5, 5, 5, 5])
    #expect(try metadata.requiredStrings("tokenizer.ggml.merges").map { $0 } == ["a b", "Ġ ab"])
    #expect(try metadata.bool("tokenizer.ggml.add_bos_token") == false)
    let tokenizer = try Tokenizer.load(from: metadata)
    #expect(tokenizer.encode("ab abtwo words") == [3, 5, 7])
    #expect(tokenizer.encode("c<|end|>", parseSpecial: true) == [2, 6])
  }

  @Test func `merges come as texts or as pairs`() throws {
    let texts = try TokenizerFiles(["tokenizer.json": TokenizerSamples.bytePair()]).metadata()
    let pairs = try TokenizerFiles([
      "tokenizer.json": TokenizerSamples.bytePair(merges: #"[["a", "b"], ["\u0120", "ab"]]"#)
    ]).metadata()
    #expect(texts["tokenizer.ggml.merges"] == pairs["tokenizer.ggml.merges"])
  }

  @Test func `tokens that are equal but for their normalisation stay apart`() throws {
    let json = TokenizerSamples.bytePair().replacing(#""c": 2"#, with: "\"\u{E9}\": 2, \"e\u{301}\": 8")
    let tokens = try TokenizerFiles(["tokenizer.json": json]).metadata().requiredStrings("tokenizer.ggml.tokens")
    let texts = tokens.map { Array($0.utf8) }
    #expect(texts[2] == [0xC3, 0xA9])
    #expect(texts[8] == [0x65, 0xCC, 0x81])
  }

  @Test(arguments: [
    (#"{"type": "ByteLevel", "use_regex": true}"#, "null", false, "gpt-2"),
    (#"{"type": "ByteLevel"}"#, #"{"type": "NFC"}"#, false, "olmo"),
    (TokenizerSamples.digits, "null", false, "smollm"),
    (TokenizerSamples.digits, #"{"type": "NFC"}"#, false, "command-r"),
    (TokenizerSamples.split("\\p{N}{1,3}"), "null", true, "llama-bpe"),
    (TokenizerSamples.split("\\p{N}{1,3}"), "null", false, "dbrx"),
    (TokenizerSamples.split("\\p{N}"), #"{"type": "NFC"}"#, false, "qwen2"),
    (TokenizerSamples.split("\\p{N}"), #"{"type": "Sequence", "normalizers": []}"#, false, "deepseek-r1-qwen"),
  ])
  func `pre-tokenizers are known by what they do`(pre: String, normalizer: String, ignores: Bool, name: String) throws {
    let json = TokenizerSamples.bytePair(pre: pre, normalizer: normalizer, ignoresMerges: ignores)
    let metadata = try TokenizerFiles(["tokenizer.json": json]).metadata()
    #expect(try metadata.string("tokenizer.ggml.pre") == name)
    #expect(throws: Never.self) { try Tokenizer.load(from: metadata) }
  }

  @Test(arguments: [
    (#"{"type": "Whitespace"}"#, "null"), (#"{"type": "ByteLevel", "use_regex": false}"#, "null"), ("null", "null"),
    (#"{"type": "ByteLevel"}"#, #"{"type": "NFKC"}"#), (TokenizerSamples.split("\\d"), "null"),
    (TokenizerSamples.split("\\p{N}{1,3}"), #"{"type": "NFC"}"#),
    (#"{"type": "ByteLevel", "add_prefix_space": true}"#, "null"),
  ])
  func `what is not known is refused by name`(pre: String, normalizer: String) throws {
    let files = try TokenizerFiles(["tokenizer.json": TokenizerSamples.bytePair(pre: pre, normalizer: normalizer)])
    let error = #expect(throws: KingletError.self) { try files.metadata() }
    #expect(error?.code == .unsupported)
    #expect(error?.location?.hasSuffix("tokenizer.json") == true)
  }

  @Test func `WordPiece`() throws {
    let files = try TokenizerFiles([
      "tokenizer.json": TokenizerSamples.wordPiece, "tokenizer_config.json": TokenizerSamples.bertSettings,
    ])
    let metadata = try files.metadata(size: 8, architecture: "bert")
    let tokens = try metadata.requiredStrings("tokenizer.ggml.tokens").map { $0 }
    #expect(tokens == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁bird", "s", "▁caf\u{E9}", "[PAD7]"])
    #expect(try metadata.integer("tokenizer.ggml.bos_token_id") == 2)
    #expect(try metadata.integer("tokenizer.ggml.eos_token_id") == 3)
    #expect(try metadata.integer("tokenizer.ggml.seperator_token_id") == 3)
    #expect(try metadata.integer("tokenizer.ggml.unknown_token_id") == 1)
    #expect(try metadata.bool("tokenizer.ggml.add_sep_token") == false)
    let tokenizer = try Tokenizer.load(from: metadata)
    #expect(tokenizer.encode("Birds café") == [2, 4, 5, 6, 3])
  }

  @Test func `a mark that continues a word does so after conversion`() throws {
    let json = TokenizerSamples.wordPiece.replacing("##s", with: "##\\u093e")
    let tokens = try TokenizerFiles(["tokenizer.json": json]).metadata().requiredStrings("tokenizer.ggml.tokens")
    #expect(tokens.map { Array($0.utf8) }[5] == Array("\u{93E}".utf8))
  }

  @Test func `Unigram`() throws {
    let tokenizer = try TokenizerFiles(["tokenizer.json": TokenizerSamples.unigram]).tokenizer(architecture: "bert")
    #expect(tokenizer.encode("  ab  c") == [0, 4, 5, 2])
    let (ids, start) = tokenizer.encode("ab", with: "c")
    #expect(ids == [0, 4, 2, 2, 5, 2] && start == 4)
    #expect(tokenizer.special.unknown == 3)
  }

  @Test func `BPE with byte fallback has SentencePiece's scores again`() throws {
    let files = try TokenizerFiles([
      "tokenizer.json": TokenizerSamples.spaced,
      "tokenizer_config.json": #"{"bos_token": "<s>", "add_bos_token": true}"#,
    ])
    let metadata = try files.metadata(size: 300)
    #expect(try metadata.string("tokenizer.ggml.model") == "llama")
    #expect(try metadata.bool("tokenizer.ggml.add_space_prefix") == true)
    let tokenizer = try Tokenizer.load(from: metadata)
    let pieces = tokenizer.encode("abc é", addSpecial: false).map(tokenizer.bytes).map {
      String(decoding: $0, as: UTF8.self)
    }
    // "b c" is the first merge, so "a b" is never made.
    #expect(pieces.first == " " && pieces.contains("bc"))
    #expect(tokenizer.decode(tokenizer.encode("abc é", addSpecial: false)) == "abc é")
    #expect(tokenizer.encode("a").first == tokenizer.specialToken("<s>"))
  }

  @Test func `SentencePiece's own files`() throws {
    let pieces: [(text: String, score: Float, kind: Int)] = [
      ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁", -1, 1), ("a", -2, 1), ("▁a", -1, 1), ("aa", -9, 1),
    ]
    let settings = #"""
      {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": true,
       "add_eos_token": false, "added_tokens_decoder": {"7": {"content": "<|im_end|>", "special": true}}}
      """#
    for (type, model) in [(1, "t5"), (2, "llama")] {
      let files = try TokenizerFiles(["tokenizer_config.json": settings])
      try files.write("tokenizer.model", ProtobufMessage.sentencePiece(pieces, type: type, addsSpacePrefix: type == 1))
      let metadata = try files.metadata(size: 9)
      #expect(try metadata.string("tokenizer.ggml.model") == model)
      #expect(try metadata.integers("tokenizer.ggml.token_type") == [2, 3, 3, 1, 1, 1, 1, 3, 5])
      #expect(try metadata.floats("tokenizer.ggml.scores") == [0, 0, 0, -1, -2, -1, -9, -1000, -10000])
      #expect(try metadata.bool("tokenizer.ggml.add_space_prefix") == (type == 1))
      let tokenizer = try Tokenizer.load(from: metadata)
      #expect(tokenizer.encode("a a<|im_end|>", parseSpecial: true) == (type == 1 ? [1, 5, 5, 7] : [1, 4, 5, 7]))
    }
  }

  @Test func `templates lie in one of three files`() throws {
    let json = TokenizerSamples.bytePair()
    let alone = try TokenizerFiles(["tokenizer.json": json, "tokenizer_config.json": #"{"chat_template": "one"}"#])
    #expect(try alone.metadata().string("tokenizer.chat_template") == "one")
    let jinja = try TokenizerFiles(["tokenizer.json": json, "chat_template.jinja": "two"])
    #expect(try jinja.metadata().string("tokenizer.chat_template") == "two")
    let file = try TokenizerFiles(["tokenizer.json": json, "chat_template.json": #"{"chat_template": "three"}"#])
    #expect(try file.metadata().string("tokenizer.chat_template") == "three")
    let named = #"{"chat_template": [{"name": "default", "template": "a"}, {"name": "tools", "template": "b"}]}"#
    let several = try TokenizerFiles(["tokenizer.json": json, "tokenizer_config.json": named]).metadata()
    #expect(try several.string("tokenizer.chat_template") == "a")
    #expect(try several.string("tokenizer.chat_template.tools") == "b")
  }

  @Test func `texts may end with another token than turns`() throws {
    let template =
      #"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<|stop|>"}}]}"#
    let json = TokenizerSamples.bytePair(post: template, added: ["<|stop|>"])
    let metadata = try TokenizerFiles([
      "tokenizer.json": json, "tokenizer_config.json": #"{"eos_token": "<|end|>"}"#,
    ]).metadata()
    let tokenizer = try Tokenizer.load(from: metadata)
    #expect(tokenizer.encode("ab") == [3, 8])
    #expect(tokenizer.special.eot == 6)
    #expect(tokenizer.special.endOfGeneration == [6, 8])
  }

  @Test func `a folder without a tokenizer has no metadata`() throws {
    #expect(try TokenizerFiles().metadata().keys.isEmpty)
  }
}
