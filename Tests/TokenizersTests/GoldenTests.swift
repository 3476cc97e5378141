import KingletGGUF
import KingletTestSupport
import KingletTokenizers
import Testing

@Suite("Tokenizer reference data", .enabled(if: Shared.isPresent, "\(Shared.reason)"))
struct GoldenTests {
  @Test(arguments: GoldenVocabulary.present)
  func `ids are those of the reference`(vocabulary: GoldenVocabulary) throws {
    let (tokenizer, golden) = try load(vocabulary)
    #expect(golden.cases.count == 322)
    for one in golden.cases {
      let text = one.input
      let plain = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
      // In `nomic` there are ties between ways to cut a long run, which the references break differently. For `gptNeoX`
      // they part because its file does not name a pre-tokenizer; Kinglet does as the original.
      let isTie = vocabulary == .nomic && one.llama_cpp_ids?.matches(plain) == true
      let isOther = !one.ids.matches(plain) && (one.alt_ids?.matches(plain) == true || isTie)
      #expect(isOther || one.ids.matches(plain), "\(one.id): \(plain.prefix(40))")
      if isOther { continue }
      if one.parse_special_unverified != true {
        let parsed = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        #expect(one.ids_parse_special.matches(parsed), "\(one.id), special tokens parsed: \(parsed.prefix(40))")
      }
      if let expected = one.ids_add_special {
        let ids = tokenizer.encode(text, addSpecial: true, parseSpecial: false)
        #expect(expected.matches(ids), "\(one.id), special tokens added: \(ids.prefix(40))")
      }
      if let expected = one.ids_add_special_parse_special {
        let ids = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
        #expect(expected.matches(ids), "\(one.id), special tokens added and parsed: \(ids.prefix(40))")
      }
    }
  }

  @Test func `the first pre-tokenizer is that of the reference`() throws {
    let path = try #require(GoldenVocabulary.gptNeoX.path)
    let metadata = try GGUFFile(path: path).metadata
    var pairs = metadata.keys.compactMap { key in metadata[key].map { (key: key, value: $0) } }
    pairs.append((key: "tokenizer.ggml.pre", value: .string("default")))
    let tokenizer = try Tokenizer.load(from: GGUFMetadata(pairs, name: path))
    for one in try GoldenVocabulary.gptNeoX.golden().cases {
      let ids = tokenizer.encode(one.input, addSpecial: false)
      #expect(one.ids.matches(ids), "\(one.id): \(ids.prefix(40))")
      let parsed = tokenizer.encode(one.input, addSpecial: false, parseSpecial: true)
      #expect(one.ids_parse_special.matches(parsed), "\(one.id), special tokens parsed: \(parsed.prefix(40))")
    }
  }

  @Test(arguments: GoldenVocabulary.present)
  func `special tokens are those of the reference`(vocabulary: GoldenVocabulary) throws {
    let (tokenizer, golden) = try load(vocabulary)
    #expect(tokenizer.vocabularySize == golden.n_vocab)
    #expect(tokenizer.special.bos == golden.special.bos)
    #expect(tokenizer.special.eos == golden.special.eos)
    #expect(tokenizer.special.padding == golden.special.pad)
    #expect(tokenizer.special.addsBOS == golden.special.add_bos)
    #expect(tokenizer.special.addsEOS == golden.special.add_eos)
  }

  @Test(arguments: GoldenVocabulary.present)
  func `text comes back`(vocabulary: GoldenVocabulary) throws {
    let (tokenizer, golden) = try load(vocabulary)
    for one in golden.detokenize {
      #expect(one.ids.map(tokenizer.bytes) == one.pieces_hex?.map(bytes(hex:)), "\(one.id)")
      // "Cleaned" text has lost spaces. In Gemma's, "</s>" is dropped as a control token, though `ids` hold that it is
      // a tag of HTML.
      if one.cleaned == true || vocabulary == .gemma3 && one.ids.contains(212) { continue }
      // " !" of a single token was cleaned too, though it is not said.
      if vocabulary == .bert, one.ids == [999] || one.ids == [1029] { continue }
      let text = String(decoding: bytes(hex: one.text_hex), as: UTF8.self)
      #expect(tokenizer.decode(one.ids) == text, "\(one.id)")
      let spelled = String(decoding: bytes(hex: one.text_special_hex), as: UTF8.self)
      #expect(tokenizer.decode(one.ids, skipSpecial: false) == spelled, "\(one.id)")
    }
  }

  @Test(arguments: GoldenVocabulary.present)
  func `streams release whole characters`(vocabulary: GoldenVocabulary) throws {
    let (tokenizer, golden) = try load(vocabulary)
    for one in golden.streaming {
      var stream = StreamingDetokenizer(tokenizer)
      let chunks = one.ids.map { stream.append($0) }
      #expect(chunks.map(scalars) == one.chunks.map(scalars), "\(one.kind) \(one.id ?? "")")
      #expect(scalars(stream.finish()) == scalars(one.finish), "\(one.kind) \(one.id ?? "")")
    }
  }

  @Test
  func `a digest is that of the standard`() {
    #expect(SHA256.hex("abc".utf8) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  /// Strings compare equal when they are canonically equivalent; here every scalar counts.
  private func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }

  private func load(_ vocabulary: GoldenVocabulary) throws -> (Tokenizer, Golden) {
    let path = try #require(vocabulary.path)
    return (try Tokenizer.load(from: GGUFFile(path: path)), try vocabulary.golden())
  }
}
