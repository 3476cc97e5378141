/// What conversion reads of a `tokenizer_config.json`.
struct TokenizerSettings: Decodable {
  let bos_token: NamedToken?
  let eos_token: NamedToken?
  let unk_token: NamedToken?
  let sep_token: NamedToken?
  let pad_token: NamedToken?
  let cls_token: NamedToken?
  let mask_token: NamedToken?
  let add_bos_token: Bool?
  let add_eos_token: Bool?
  let added_tokens_decoder: [String: AddedToken]?
  let chat_template: ChatTemplate?

  struct AddedToken: Decodable {
    let content: String
    let special: Bool?
  }

  /// A token by its text, given as such or as the member `content` of an object. Anything else is as good as none.
  struct NamedToken: Decodable {
    let content: String?

    private struct Object: Decodable { let content: String? }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      content = (try? container.decode(String.self)) ?? (try? container.decode(Object.self))?.content
    }
  }

  /// One template, or several with their names.
  enum ChatTemplate: Decodable {
    case one(String)
    case named([Named])

    struct Named: Decodable {
      let name: String
      let template: String
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let template = try? container.decode(String.self) {
        self = .one(template)
      } else {
        self = .named(try container.decode([Named].self))
      }
    }
  }
}

/// What conversion reads of a `special_tokens_map.json`.
typealias SpecialTokensMap = TokenizerSettings

/// What conversion reads of a `config.json` besides what the model needs.
struct TokenizerModelConfig: Decodable {
  let bos_token_id: TokenNumber?
  let eos_token_id: TokenNumber?
  let unk_token_id: TokenNumber?
  let sep_token_id: TokenNumber?
  let pad_token_id: TokenNumber?

  /// A token's number. A list of several is not used, as the format has room for one.
  struct TokenNumber: Decodable {
    let id: Int?
    init(from decoder: any Decoder) throws { id = try? decoder.singleValueContainer().decode(Int.self) }
  }
}
