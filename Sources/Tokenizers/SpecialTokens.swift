/// The tokens that steer a model, as its file names them.
public struct SpecialTokens: Sendable {
  /// Starts a text.
  public internal(set) var bos: Int32?
  /// Ends a text.
  public internal(set) var eos: Int32?
  /// Ends a turn of a conversation.
  public internal(set) var eot: Int32?
  /// Stands for what the vocabulary cannot spell.
  public internal(set) var unknown: Int32?
  /// Fills up a batch.
  public internal(set) var padding: Int32?
  /// Stands between two texts, and in BERT after each.
  public internal(set) var separator: Int32?
  /// Whether the model expects `bos` before a text.
  public internal(set) var addsBOS = false
  /// Whether the model expects `eos` after a text.
  public internal(set) var addsEOS = false
  /// Whether the model expects `separator` between two texts.
  public internal(set) var addsSeparator = false
  /// The token that the model expects after a text, if any: `eos`, or for BERT `separator`.
  public internal(set) var ending: Int32?
  /// Tokens after which a model has nothing more to say: `eos`, `eot` and tokens that are known by their text to end
  /// a turn. Files often name only one of them.
  public internal(set) var endOfGeneration: Set<Int32> = []

  /// How models spell the end of a turn; the first that a vocabulary has is `eot` where the file does not say.
  static let endOfTurnTexts = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<turn|>", "<|END_OF_TURN_TOKEN|>", "<|end_of_turn|>",
    "<|return|>", "<|endoftext|>",
  ]

  /// How models spell the end of everything. These may also be text: `</s>` is a tag of HTML.
  static let endOfTextTexts = [
    "</s>", "<eos>", "<EOT>", "<|eom_id|>", "<|end_of_text|>", "<|call|>", "<｜end▁of▁sentence｜>",
  ]
}
