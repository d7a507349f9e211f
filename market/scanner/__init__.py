"""The scanner's judgement of a symbol: factors and the score made of them."""
