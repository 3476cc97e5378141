import KingletErrors
import KingletGGUF
import Testing

@testable import KingletTokenizers

struct SpecialTokenTests {
  @Test func `control tokens are found only where asked for`() throws {
    let tokenizer = try ToyVocabulary.bytePair().load()
    let text = "a<|im_end|>b"
    #expect(tokenizer.pieces(text, parseSpecial: true) == ["a", "<|im_end|>", "b"])
    #expect(!tokenizer.pieces(text).contains("<|im_end|>"))
    #expect(tokenizer.decode(tokenizer.encode(text, addSpecial: false)) == text)
  }

  @Test func `user-defined tokens are found always`() throws {
    let tokenizer = try ToyVocabulary.bytePair().load()
    for parseSpecial in [false, true] {
      #expect(tokenizer.pieces("<<tool>>", parseSpecial: parseSpecial) == ["<", "<tool>", ">"])
    }
  }

  @Test func `the longest of several is found, from the left`() throws {
    var toy = ToyVocabulary.bytePair()
    for token in ["[a", "[ab]", "b]c", "]"] { toy.add(token, .userDefined) }
    let tokenizer = try toy.load()
    #expect(tokenizer.pieces("[ab]c") == ["[ab]", "c"])
    #expect(tokenizer.pieces("[ab]]") == ["[ab]", "]"])
    #expect(tokenizer.pieces("[abc") == ["[a", "b", "c"])
    #expect(tokenizer.pieces("b]c") == ["b]c"])
  }

  @Test func `a control token hides no shorter user-defined one`() throws {
    var toy = ToyVocabulary.bytePair()
    toy.add("<x", .userDefined)
    toy.add("<x>", .control)
    let tokenizer = try toy.load()
    #expect(tokenizer.pieces("<x>") == ["<x", ">"])
    #expect(tokenizer.pieces("<x>", parseSpecial: true) == ["<x>"])
  }

  @Test func `BOS and EOS are added as the file asks`() throws {
    var toy = ToyVocabulary.bytePair()
    #expect(try toy.load().pieces("a", addSpecial: true) == ["a"])
    toy.metadata += [("tokenizer.ggml.add_bos_token", .bool(true)), ("tokenizer.ggml.add_eos_token", .bool(true))]
    #expect(try toy.load().pieces("a", addSpecial: true) == ["<|begin|>", "a", "<|im_end|>"])
    #expect(try toy.load().pieces("", addSpecial: true) == ["<|begin|>", "<|im_end|>"])
    #expect(try ToyVocabulary.bytePair("llama-bpe").load().pieces("a", addSpecial: true) == ["<|begin|>", "a"])
    let pieces: [(String, Float)] = [("a", 0), ("▁a", 0)]
    #expect(try ToyVocabulary.sentencePiece(pieces).load().pieces("a", addSpecial: true) == ["<s>", " a"])
  }

  @Test func `generation ends with what the file names and what is known`() throws {
    var toy = ToyVocabulary.bytePair()
    for token in ["<|endoftext|>", "<end_of_turn>", "<other>"] { toy.add(token, .control) }
    toy.add("</s>", .userDefined)
    toy.metadata.append(("tokenizer.ggml.eot_token_id", .uint32(UInt32(toy.id("<other>")))))
    let special = try toy.load().special
    #expect(special.endOfGeneration == Set(["<|im_end|>", "<|endoftext|>", "<end_of_turn>", "<other>"].map(toy.id)))
    #expect(special.eot == toy.id("<other>"))
    #expect(special.eos == toy.id("<|im_end|>"))
    #expect(special.padding == nil)
  }

  @Test func `an end of turn that the file calls normal is a control token`() throws {
    var toy = ToyVocabulary.bytePair()
    toy.add("<|eot_id|>", .normal)
    let tokenizer = try toy.load()
    #expect(tokenizer.kind(of: toy.id("<|eot_id|>")) == .control)
    #expect(tokenizer.special.eot == toy.id("<|eot_id|>"))
    #expect(tokenizer.pieces("<|eot_id|>", parseSpecial: true) == ["<|eot_id|>"])
    #expect(tokenizer.pieces("<|eot_id|>").count == 10)
  }

  @Test func `control tokens are left out of text or spelled`() throws {
    let tokenizer = try ToyVocabulary.bytePair().load()
    let ids = tokenizer.encode("a<|im_end|>b<tool>", addSpecial: false, parseSpecial: true)
    #expect(tokenizer.decode(ids) == "ab<tool>")
    #expect(tokenizer.decode(ids, skipSpecial: false) == "a<|im_end|>b<tool>")
  }
}
